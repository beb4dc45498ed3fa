// The words for what most Pods are; what Kubernetes says of the others is a term to search for and stays as it is.
import type { Translate } from '../i18n';

const words = [
  'Running',
  'Pending',
  'Succeeded',
  'Completed',
  'Failed',
  'Error',
  'Unknown',
  'Terminating',
  'ContainerCreating',
] as const;

export function statusWord(t: Translate, status: string): string {
  const found = words.find((each) => each === status);
  return found ? t(`pod.status.${found}`) : status;
}
