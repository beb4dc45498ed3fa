// A list in a table that stands as it is: its heads and rows, and before them the wait, the fault, or what to do where
// there is nothing. Rows that could not be asked for again stay, under the fault. What watches thousands of rows is the
// grid in `ui`.
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { SkeletonRows } from '../ui/show';
import { ProblemNotice } from './ProblemView';

type Props<Row> = {
  /** `undefined` until they came. */
  rows: readonly Row[] | undefined;
  error: unknown;
  onRetry: () => void;
  /** What is shown in place of no rows. */
  empty: ReactNode;
  /** Behind them stands one more for what can be done with a row. */
  heads: readonly string[];
  /** A `tr` of as many cells. */
  children: (row: Row) => ReactNode;
};

export function Listing<Row>({ rows, error, onRetry, empty, heads, children }: Props<Row>): ReactNode {
  const t = useT();
  const fault = error ? <ProblemNotice error={error} onRetry={onRetry} /> : null;
  if (!rows) return fault ?? <SkeletonRows label={t('act.loading')} />;
  if (rows.length === 0) return fault ?? empty;
  return (
    <>
      {fault}
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              {heads.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
              <th scope="col">
                <span className="hidden-visually">{t('pod.acts')}</span>
              </th>
            </tr>
          </thead>
          <tbody>{rows.map(children)}</tbody>
        </table>
      </div>
    </>
  );
}
