// Wraps one xterm.js terminal: renderer, fonts, keys, links, search and size. Bytes go in and out; it knows no socket.
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { WebglAddon } from '@xterm/addon-webgl';
import { Terminal } from '@xterm/xterm';
import { isDark, prefs } from '../prefs';
import { drawsWithWebgl } from './acceleration';
import { bufferText } from './bufferText';
import { withinMarks } from './paste';
import type { Sink } from './session';
import { darkSearch, fontFamily, lightSearch, themeOf } from './theme';
import { sanitiseTitle } from './title';

export type ScreenHooks = {
  onInput: (bytes: Uint8Array) => void;
  /** It stands in the page and has the size of its place there. */
  onAttached: () => void;
  onResize: (cols: number, rows: number) => void;
  onTitle: (title: string) => void;
  onPaste: (text: string) => void;
  /** The one chord that leaves the shell for the console. */
  onLeave: () => void;
  onSearch: () => void;
  onFocus: () => void;
};

const scrollbackLines = 10_000;
const resizeDelayMs = 40;
/** CAN takes the parser out of whatever sequence the skipped bytes cut in two. */
const cancel = Uint8Array.of(0x18);
const encoder = new TextEncoder();
/** xterm rounds a cell's width down, and 14 px measures as 6.99997: without this the cell would be a pixel too narrow. */
const nudgePx = 0.05;
/** Programs choose both colours of black on green, as `ls` does: what could not be read is drawn lighter or darker. */
const contrastMin = 4.5;

/** Starts fetching the terminal's faces early, so that the first prompt is drawn in them. */
export function loadTerminalFonts(): Promise<unknown> {
  // Asked once, here, because the first answer takes a while.
  drawsWithWebgl();
  return Promise.all([
    document.fonts.load('14px "D2Coding"', 'A'),
    document.fonts.load('14px "D2Coding"', '─'),
    document.fonts.load('bold 14px "D2Coding"', 'A'),
    document.fonts.load('14px "D2Coding"', '가'),
  ]).catch(() => undefined);
}

let fontsLoaded = false;
/** The same faces by another name: a canvas remembers what a name measured before its face was there. */
const unloadedFamily = `${fontFamily}, sans-serif`;

export function isLeaveChord(event: KeyboardEvent): boolean {
  return event.ctrlKey && event.shiftKey && !event.altKey && !event.metaKey && event.code === 'Space';
}

export class TerminalScreen {
  readonly element = document.createElement('div');
  readonly terminal: Terminal;
  readonly search = new SearchAddon({ highlightLimit: 2000 });
  private readonly fitting = new FitAddon();
  private readonly observer: ResizeObserver;
  private resizeTimer: number | undefined;
  private webgl: WebglAddon | null = null;
  private opened = false;
  private finding = false;
  private lastStream: 'stdout' | 'stderr' = 'stdout';
  private readonly undo: (() => void)[] = [];

  constructor(private readonly hooks: ScreenHooks) {
    this.element.className = 'screen';
    const { fontSize, screenReader } = prefs.get();
    this.terminal = new Terminal({
      allowProposedApi: true,
      fontFamily: fontsLoaded ? fontFamily : unloadedFamily,
      fontSize: fontSize + nudgePx,
      lineHeight: 1.15,
      scrollback: scrollbackLines,
      cursorBlink: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
      macOptionClickForcesSelection: true,
      screenReaderMode: screenReader,
      minimumContrastRatio: contrastMin,
      theme: themeOf(isDark(), false),
      linkHandler: { activate: (event, uri) => openLink(event, uri), allowNonHttpProtocols: false },
    });
    this.terminal.loadAddon(this.fitting);
    this.terminal.loadAddon(this.search);
    this.terminal.loadAddon(new UnicodeGraphemesAddon());
    this.terminal.loadAddon(new WebLinksAddon((event, uri) => openLink(event, uri)));
    this.terminal.onData((text) => hooks.onInput(encoder.encode(text)));
    this.terminal.onBinary((text) => hooks.onInput(Uint8Array.from(text, (char) => char.charCodeAt(0) & 255)));
    this.terminal.onResize(({ cols, rows }) => hooks.onResize(cols, rows));
    this.terminal.onTitleChange((title) => hooks.onTitle(sanitiseTitle(title)));
    this.terminal.attachCustomKeyEventHandler((event) => this.ownKey(event));
    // xterm would paste at once: its own listeners stand further in, so this one hears first.
    this.element.addEventListener('paste', (event) => this.interceptPaste(event), { capture: true });
    this.element.addEventListener('focusin', () => hooks.onFocus());
    this.observer = new ResizeObserver(() => this.fitSoon());
    this.followPreferences();
  }

  readonly sink: Sink = {
    write: (bytes, stream, consumed) => {
      if (stream === 'stderr' && this.lastStream !== 'stderr') this.terminal.write('\x1b[31m\x1b[2m[stderr]\x1b[22m ');
      if (stream === 'stdout' && this.lastStream === 'stderr') this.terminal.write('\x1b[39m');
      this.lastStream = stream;
      this.terminal.write(bytes, consumed);
    },
    // In the write queue rather than at once, so that it comes after the bytes before it.
    reset: () => this.terminal.write(cancel, () => this.terminal.reset()),
  };

  /** Without a terminal in the container nothing translates line ends or echoes; so this does. */
  set plainStream(plain: boolean) {
    this.terminal.options.convertEol = plain;
    this.terminal.options.disableStdin = false;
  }

  attach(host: HTMLElement): void {
    host.append(this.element);
    if (!this.opened) {
      this.opened = true;
      this.terminal.open(this.element);
      this.accelerate();
      void loadTerminalFonts().then(() => this.remeasure());
    }
    this.observer.observe(this.element);
    this.fit();
    this.hooks.onAttached();
  }

  detach(): void {
    this.observer.disconnect();
    this.element.remove();
  }

  dispose(): void {
    this.detach();
    window.clearTimeout(this.resizeTimer);
    for (const task of this.undo) task();
    this.terminal.dispose();
  }

  size(): { cols: number; rows: number } {
    return { cols: this.terminal.cols, rows: this.terminal.rows };
  }

  focus(): void {
    this.terminal.focus();
  }

  paste(text: string): void {
    this.terminal.paste(this.terminal.modes.bracketedPasteMode ? withinMarks(text) : text);
  }

  selection(): string {
    return this.terminal.getSelection();
  }

  find(term: string, back: boolean): void {
    this.setFinding(true);
    const { match, activeMatch } = isDark() ? darkSearch : lightSearch;
    const decorations = {
      matchBackground: match,
      activeMatchBackground: activeMatch,
      matchOverviewRuler: match,
      activeMatchColorOverviewRuler: activeMatch,
    };
    if (back) this.search.findPrevious(term, { decorations });
    else this.search.findNext(term, { decorations });
  }

  /** From the end backwards, because what is looked for was mostly seen just now. */
  findLast(term: string): void {
    this.terminal.clearSelection();
    this.find(term, true);
  }

  clearFind(): void {
    this.setFinding(false);
    this.search.clearDecorations();
    this.terminal.clearSelection();
  }

  private setFinding(finding: boolean): void {
    if (this.finding === finding) return;
    this.finding = finding;
    this.terminal.options.theme = themeOf(isDark(), finding);
  }

  /** Everything still in scrollback and screen, as text. */
  text(): string {
    return bufferText(this.terminal.buffer.normal);
  }

  fit(): void {
    if (this.isAttached) this.fitting.fit();
  }

  /** Whether it stands in the page, with room for something. */
  get isAttached(): boolean {
    return this.opened && this.element.clientWidth >= 20 && this.element.clientHeight >= 20;
  }

  private fitSoon(): void {
    window.clearTimeout(this.resizeTimer);
    this.resizeTimer = window.setTimeout(() => this.fit(), resizeDelayMs);
  }

  private accelerate(): void {
    this.element.dataset.renderer = 'dom';
    if (!drawsWithWebgl()) return;
    try {
      const webgl = new WebglAddon();
      // The browser takes contexts away when there are too many: xterm then draws with the DOM instead.
      webgl.onContextLoss(() => this.decelerate());
      this.terminal.loadAddon(webgl);
      this.webgl = webgl;
      this.element.dataset.renderer = 'webgl';
    } catch {
      this.webgl = null;
    }
  }

  private decelerate(): void {
    this.webgl?.dispose();
    this.webgl = null;
    this.element.dataset.renderer = 'dom';
  }

  /** Glyphs measured or cached before their face had loaded are measured and drawn again. */
  private remeasure(): void {
    fontsLoaded = true;
    this.terminal.options.fontFamily = fontFamily;
    this.webgl?.clearTextureAtlas();
    this.fit();
  }

  private followPreferences(): void {
    const restyle = () => {
      this.terminal.options.theme = themeOf(isDark(), this.finding);
      const { fontSize, screenReader } = prefs.get();
      if (this.terminal.options.fontSize !== fontSize + nudgePx) {
        this.terminal.options.fontSize = fontSize + nudgePx;
        this.fit();
      }
      this.terminal.options.screenReaderMode = screenReader;
    };
    const scheme = window.matchMedia('(prefers-color-scheme: light)');
    scheme.addEventListener('change', restyle);
    const lateFonts = (event: FontFaceSetLoadEvent) => {
      if (event.fontfaces.some((face) => face.family.includes('D2Coding'))) this.webgl?.clearTextureAtlas();
    };
    document.fonts.addEventListener('loadingdone', lateFonts);
    this.undo.push(
      prefs.subscribe(restyle),
      () => scheme.removeEventListener('change', restyle),
      () => document.fonts.removeEventListener('loadingdone', lateFonts),
    );
  }

  private ownKey(event: KeyboardEvent): boolean {
    if (isLeaveChord(event)) {
      if (event.type === 'keydown') {
        event.preventDefault();
        this.hooks.onLeave();
      }
      return false;
    }
    if (!event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return true;
    switch (event.code) {
      case 'KeyC':
        if (event.type === 'keydown') {
          event.preventDefault();
          const text = this.selection();
          if (text) void navigator.clipboard.writeText(text).catch(() => undefined);
        }
        return false;
      case 'KeyV':
        // Left to the browser, whose paste event brings the text without a question about the clipboard.
        return false;
      case 'KeyF':
        if (event.type === 'keydown') {
          event.preventDefault();
          this.hooks.onSearch();
        }
        return false;
      default:
        return true;
    }
  }

  private interceptPaste(event: ClipboardEvent): void {
    event.preventDefault();
    event.stopImmediatePropagation();
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text) this.hooks.onPaste(text);
  }
}

/** A program in the Pod writes what it likes: a link opens on a modifier click only, and learns nothing of the console. */
function openLink(event: MouseEvent, uri: string): void {
  if (!event.ctrlKey && !event.metaKey) return;
  if (!/^https?:\/\//i.test(uri)) return;
  window.open(uri, '_blank', 'noopener,noreferrer');
}
