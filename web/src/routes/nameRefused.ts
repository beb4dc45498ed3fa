// Whether a refused workspace was refused for its name; what else is in its way is told above the form.
import type { Problem } from '../api/contract';

export type NameRefused = { taken: string } | { said: string };

/** The hub's words begin with the field, or quote the name that is taken: a conflict may also be over a namespace. */
export function nameRefused({ code, detail }: Pick<Problem, 'code' | 'detail'>, name: string): NameRefused | null {
  if (code === 'bad_request') return detail.startsWith('`name`') ? { said: detail } : null;
  if (code === 'conflict' && name && detail === `you have a workspace called \`${name}\``) return { taken: name };
  return null;
}
