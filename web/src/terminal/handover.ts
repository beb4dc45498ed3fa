// Hands a wish for a terminal from any room to the terminal room, which loads on its own, and tells how many live.
export type Target = {
  cluster: string;
  namespace: string;
  pod: string;
  container?: string;
  tty: boolean;
  command: string[];
};

const wishes: Target[] = [];
const listeners = new Set<() => void>();
let live = 0;

export function wishForTerminal(target: Target): void {
  wishes.push(target);
  for (const listener of listeners) listener();
}

export function takeWishes(): Target[] {
  return wishes.splice(0);
}

export const liveTally = {
  get: (): number => live,
  set(count: number): void {
    if (count === live) return;
    live = count;
    for (const listener of listeners) listener();
  },
};

export function onHandover(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
