// JSON as a tree that opens by branch; a branch is drawn when it is opened, and long ones in pieces.
import { type ReactNode, useState } from 'react';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
const pieceMax = 100;
/** Deeper branches start closed. */
const openDepth = 2;

export function JsonTree({ value, moreLabel }: { value: unknown; moreLabel: (left: number) => string }): ReactNode {
  return (
    <div className="tree mono">
      <Node value={value as Json} depth={0} moreLabel={moreLabel} />
    </div>
  );
}

type NodeProps = { name?: string; value: Json; depth: number; moreLabel: (left: number) => string };

function Node(props: NodeProps): ReactNode {
  const { name, value } = props;
  if (typeof value === 'object' && value !== null) return <Branch {...props} value={value} />;
  return (
    <div className="tree-leaf">
      {name !== undefined && <span className="tree-name">{name}: </span>}
      <span className={`tree-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value)}</span>
    </div>
  );
}

function Branch({ name, value, depth, moreLabel }: NodeProps & { value: object }): ReactNode {
  const entries = Object.entries(value as Record<string, Json>);
  const isList = Array.isArray(value);
  const [open, setOpen] = useState(depth < openDepth && entries.length <= pieceMax);
  const [shown, setShown] = useState(pieceMax);
  const left = entries.length - shown;
  return (
    <details className="tree-branch" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name !== undefined && <span className="tree-name">{name}: </span>}
        <span className="faint">{isList ? `[${entries.length}]` : `{${entries.length}}`}</span>
      </summary>
      {open && (
        <div className="tree-inner">
          {entries.slice(0, shown).map(([key, each]) => (
            <Node key={key} name={key} value={each} depth={depth + 1} moreLabel={moreLabel} />
          ))}
          {left > 0 && (
            <button type="button" className="tree-more" onClick={() => setShown(shown + pieceMax)}>
              {moreLabel(left)}
            </button>
          )}
        </div>
      )}
    </details>
  );
}
