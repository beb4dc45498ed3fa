// Short messages about an act just done; shown by <Toaster>, read out by screen readers.
export type Toast = { id: number; tone: 'good' | 'bad' | 'calm'; text: string };

let toasts: readonly Toast[] = [];
let serial = 0;
const listeners = new Set<() => void>();
const shownMs = 6000;

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export const toaster = {
  get: (): readonly Toast[] => toasts,
  show(tone: Toast['tone'], text: string): void {
    const id = ++serial;
    // Three at most: an older one has been read, or never will be.
    set([...toasts, { id, tone, text }].slice(-3));
    setTimeout(() => toaster.drop(id), shownMs);
  },
  drop(id: number): void {
    set(toasts.filter((toast) => toast.id !== id));
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
