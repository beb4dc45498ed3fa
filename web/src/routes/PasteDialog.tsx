// Asks before text that may run something goes into a shell, and shows what it is.
import { type ReactNode, useMemo, useState } from 'react';
import { useLanguage, useT } from '../i18n';
import { deck, type Pane } from '../terminal/deck';
import { pasteFacts } from '../terminal/paste';
import { Checkbox } from '../ui/controls';
import { Confirm } from '../ui/overlays';
import { Notice } from '../ui/show';
import { bytes } from '../ui/time';

export function PasteDialog({ pane, text }: { pane: Pane; text: string }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const [unasked, setUnasked] = useState(false);
  const isBracketed = pane.screen.terminal.modes.bracketedPasteMode;
  const facts = useMemo(() => pasteFacts(text, isBracketed), [text, isBracketed]);
  return (
    <Confirm
      title={t('paste.title', { n: facts.lines })}
      isOpen
      harmless
      onClose={() => deck.answerPaste(pane.id, false, false)}
      onConfirm={() => deck.answerPaste(pane.id, true, unasked)}
      confirmLabel={t('paste.act')}
      cancelLabel={t('act.cancel')}
    >
      <p>
        {t(facts.hasBreak ? 'paste.lead' : 'paste.leadOneLine', { size: bytes(facts.bytes, lang) })}{' '}
        {isBracketed ? t('paste.bracketed') : facts.hasBreak && t('paste.runs')}
      </p>
      {facts.hasControl && <Notice tone="warn">{t('paste.control')}</Notice>}
      {facts.isDefused && <Notice tone="accent">{t('paste.defused')}</Notice>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key. */}
      <section className="paste-preview" tabIndex={0} aria-label={t('paste.preview')}>
        <pre>{facts.preview}</pre>
      </section>
      <Checkbox isSelected={unasked} onChange={setUnasked}>
        {t('paste.unasked')}
      </Checkbox>
    </Confirm>
  );
}
