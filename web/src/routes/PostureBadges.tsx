// A finding in one word: how bad it is, and how it stands.
import type { ReactNode } from 'react';
import type { PostureFinding } from '../api/contract';
import { useT } from '../i18n';
import { Badge } from '../ui/show';
import { severityTone } from './postureView';

export function FindingBadge({ finding }: { finding: PostureFinding }): ReactNode {
  const t = useT();
  if (finding.verdict === 'unknown') return <Badge tone="calm">{t('posture.unknown')}</Badge>;
  return <Badge tone={severityTone(finding.severity)}>{t(`posture.severity.${finding.severity}`)}</Badge>;
}

export function FindingState({ finding }: { finding: PostureFinding }): ReactNode {
  const t = useT();
  if (finding.closed_scan !== undefined) return <Badge tone="good">{t('posture.gone')}</Badge>;
  if (finding.exception !== undefined) return <Badge tone="calm">{t('posture.excepted')}</Badge>;
  if (finding.unconfirmed_scan !== undefined) return <Badge tone="calm">{t('posture.unconfirmed')}</Badge>;
  if (finding.verdict === 'unknown') return <Badge tone="calm">{t('posture.verdict.unknown')}</Badge>;
  return <Badge tone="warn">{finding.returned ? t('posture.returned') : t('posture.open')}</Badge>;
}
