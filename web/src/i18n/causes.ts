// The words for why a request failed, in the person's language.
import type { TrafficCause } from '../api/contract';
import { type CauseText, causesEn } from './causes-en';
import { causesKo } from './causes-ko';
import type { Language } from './index';

/** What happened and what to do; a cause this console does not know gets the words for `other`. */
export function causeText(cause: string, lang: Language): CauseText {
  const texts: Record<TrafficCause, CauseText> = lang === 'ko' ? causesKo : causesEn;
  return Object.hasOwn(texts, cause) ? texts[cause as TrafficCause] : texts.other;
}
