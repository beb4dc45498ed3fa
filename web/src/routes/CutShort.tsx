// Says that a list was cut at what one answer holds, and how to come by the rest.
import type { ReactNode } from 'react';
import { isCutShort, rowsMax } from '../api/queries';
import { useT } from '../i18n';

export function CutShort({ list, count }: { list: keyof typeof rowsMax; count: number }): ReactNode {
  const t = useT();
  if (!isCutShort(list, count)) return null;
  return (
    <p className="faint" role="status">
      {t('list.cutShort', { n: rowsMax[list] })}
    </p>
  );
}
