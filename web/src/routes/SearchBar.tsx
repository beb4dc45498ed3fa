// Searches a pane's screen and scrollback.
import { type ReactNode, useEffect, useState } from 'react';
import { useT } from '../i18n';
import { deck, type Pane } from '../terminal/deck';
import { IconButton } from '../ui/controls';

export function SearchBar({ pane }: { pane: Pane }): ReactNode {
  const t = useT();
  const [term, setTerm] = useState('');
  const [found, setFound] = useState<{ at: number; count: number } | null>(null);
  useEffect(() => {
    const listening = pane.screen.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      setFound({ at: resultIndex + 1, count: resultCount }),
    );
    return () => listening.dispose();
  }, [pane]);
  const close = () => deck.setSearching(pane.id, false);
  return (
    <search className="search-bar">
      <input
        className="input mono"
        aria-label={t('terminal.search')}
        placeholder={t('terminal.search')}
        value={term}
        // biome-ignore lint/a11y/noAutofocus: the bar was just asked for.
        autoFocus
        onChange={(event) => {
          setTerm(event.target.value);
          if (event.target.value) pane.screen.findLast(event.target.value);
          else pane.screen.clearFind();
        }}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'Enter' && term) pane.screen.find(term, !event.shiftKey);
          else if (event.key === 'Escape') close();
          else return;
          event.preventDefault();
        }}
      />
      <span className="faint search-count" role="status">
        {term && found ? (found.count === 0 ? t('terminal.notFound') : `${found.at} / ${found.count}`) : ''}
      </span>
      <IconButton icon="up" label={t('terminal.previous')} onPress={() => pane.screen.find(term, true)} />
      <IconButton icon="down" label={t('terminal.next')} onPress={() => pane.screen.find(term, false)} />
      <IconButton icon="close" label={t('act.close')} onPress={close} />
    </search>
  );
}
