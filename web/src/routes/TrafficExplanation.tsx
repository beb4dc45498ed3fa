// Why a request failed: the likely cause in the person's words, what in the exchange says so, and what to do.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { TrafficExplanation as Explanation, TrafficEvidence } from '../api/contract';
import { type Translate, useLanguage, useT } from '../i18n';
import { causeText } from '../i18n/causes';
import { CopyId, Notice } from '../ui/show';
import { bytes } from '../ui/time';
import { causeTone, evidenceKey, latency, omissionKey } from './trafficView';

/** Whose rights are asked about: a Role from use tells what else they did. */
const ofRights = ['rbac_denied', 'path_denied'];

export function TrafficExplanation({
  explanation,
  user,
}: {
  explanation: Explanation;
  user: string | undefined;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { what, todo } = causeText(explanation.cause, lang);
  return (
    <section className="explanation" aria-label={t('traffic.why')}>
      <h3>{t('traffic.why')}</h3>
      <Notice tone={causeTone(explanation.cause)} title={what}>
        {todo}
      </Notice>
      {explanation.commands.map((command) => (
        <p key={command} className="explanation-command">
          <CopyId value={command} chars={120} label={t('traffic.copyCommand')} copied={t('traffic.copied')} />
        </p>
      ))}
      {explanation.evidence.length > 0 && (
        <dl className="facts" aria-label={t('posture.evidence')}>
          {explanation.evidence.map((piece) => (
            <div key={`${piece.name} ${piece.of ?? ''} ${piece.value}`}>
              <dt>
                {t(evidenceKey(piece.name))}
                {piece.of && <span className="mono"> {piece.of}</span>}
              </dt>
              <dd className={piece.name === 'unseen' ? undefined : 'mono'}>{shownValue(piece, t, lang)}</dd>
            </div>
          ))}
        </dl>
      )}
      {user && ofRights.includes(explanation.cause) && (
        <p>
          <Link to="/traffic" search={{ view: 'role', user }}>
            {t('traffic.roleOf', { user })}
          </Link>
        </p>
      )}
    </section>
  );
}

function shownValue({ name, value }: TrafficEvidence, t: Translate, lang: string): string {
  if (name === 'unseen') return value === 'removed' ? t('traffic.noContent') : t(omissionKey(value));
  if (name === 'latency_ms') return latency(Number(value) * 1000, lang);
  if (name === 'missing_bytes') return bytes(Number(value), lang);
  return value;
}
