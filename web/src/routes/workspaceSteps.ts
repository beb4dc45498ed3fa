// Which of a workspace's steps are shown; pure.
import type { Workspace } from '../api/contract';

/** A shell that is made to stop ends with an error: once a deletion was asked for, that is its way and no failure. */
export function shownSteps({ state, steps }: Pick<Workspace, 'state' | 'steps'>): Workspace['steps'] {
  const asked = steps.findIndex((step) => step.kind === 'deleting');
  if (state !== 'deleting' || asked < 0) return steps;
  return steps.filter((step, index) => step.kind !== 'failed' || index < asked);
}
