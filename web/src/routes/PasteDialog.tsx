// Asks before text with line breaks goes into a shell, and shows what it is.
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
  const facts = useMemo(() => pasteFacts(text), [text]);
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
        {t('paste.lead', { size: bytes(facts.bytes, lang) })}{' '}
        {pane.screen.terminal.modes.bracketedPasteMode ? t('paste.bracketed') : t('paste.runs')}
      </p>
      {facts.hasControl && <Notice tone="warn">{t('paste.control')}</Notice>}
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
