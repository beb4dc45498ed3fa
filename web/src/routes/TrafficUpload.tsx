// Uploading a capture with its key log: two files, how far they are, and what became of them.
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { TrafficCapture } from '../api/contract';
import { type Upload, uploadCapture } from '../api/upload';
import { useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/overlays';
import { Notice } from '../ui/show';
import { bytes } from '../ui/time';
import { ProblemNotice } from './ProblemView';
import { DecryptionBadge } from './TrafficConnections';

type State =
  | { at: 'choosing'; error?: unknown }
  | { at: 'sending'; sent: number; total: number }
  | { at: 'done'; capture: TrafficCapture };

export function TrafficUpload({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  const t = useT();
  const queryClient = useQueryClient();
  const [state, setState] = useState<State>({ at: 'choosing' });
  const [capture, setCapture] = useState<File>();
  const [keys, setKeys] = useState<File>();
  const upload = useRef<Upload>(undefined);
  // Whoever leaves the room neither sees how it goes nor can cancel it any more.
  useEffect(() => () => upload.current?.cancel(), []);
  const close = () => {
    upload.current?.cancel();
    setState({ at: 'choosing' });
    setCapture(undefined);
    setKeys(undefined);
    onClose();
  };
  const send = () => {
    if (!capture) return;
    setState({ at: 'sending', sent: 0, total: capture.size + (keys?.size ?? 0) });
    upload.current = uploadCapture(capture, keys, (sent, total) => setState({ at: 'sending', sent, total }));
    upload.current.done
      .then(
        (done) => {
          setState({ at: 'done', capture: done });
          void queryClient.invalidateQueries({
            queryKey: ['traffic'],
            predicate: (query) => query.queryKey[1] !== 'unit',
          });
        },
        (error: unknown) =>
          setState(
            error instanceof DOMException && error.name === 'AbortError'
              ? { at: 'choosing' }
              : { at: 'choosing', error },
          ),
      )
      .finally(() => {
        upload.current = undefined;
      });
  };
  return (
    <Dialog title={t('traffic.upload')} isOpen={isOpen} onClose={close} alert={state.at === 'sending'}>
      <div className="dialog-body">
        {state.at === 'choosing' && state.error !== undefined && <ProblemNotice error={state.error} />}
        {/* The fields stay, though hidden: after a failure they must name the files that would be sent. */}
        <div className="upload-fields" hidden={state.at !== 'choosing'}>
          <FileField
            label={t('traffic.captureFile')}
            hint={t('traffic.captureHint')}
            accept=".pcap,.pcapng,.cap"
            onChoose={setCapture}
          />
          <FileField label={t('traffic.keysFile')} hint={t('traffic.keysHint')} onChoose={setKeys} />
          <p className="muted">{t('traffic.uploadLead')}</p>
        </div>
        {state.at === 'sending' && <Sending {...state} />}
        {state.at === 'done' && <Done capture={state.capture} />}
      </div>
      <div className="dialog-actions">
        {state.at === 'done' ? (
          <Button kind="primary" onPress={close}>
            {t('act.close')}
          </Button>
        ) : (
          <>
            <Button kind="quiet" onPress={close}>
              {t('act.cancel')}
            </Button>
            <Button kind="primary" onPress={send} isDisabled={!capture || state.at === 'sending'}>
              {t('traffic.uploadAct')}
            </Button>
          </>
        )}
      </div>
    </Dialog>
  );
}

function FileField({
  label,
  hint,
  accept,
  onChoose,
}: {
  label: string;
  hint: string;
  accept?: string;
  onChoose: (file: File | undefined) => void;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        type="file"
        className="input file-input"
        accept={accept}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChoose(event.target.files?.[0])}
      />
      <span className="field-hint" id={`${id}-hint`}>
        {hint}
      </span>
    </div>
  );
}

function Sending({ sent, total }: { sent: number; total: number }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const all = total > 0 && sent >= total;
  return (
    <div className="stack">
      <progress className="progress" aria-label={t('traffic.sending')} value={sent} max={Math.max(1, total)} />
      {!all && (
        <span className="muted">{t('traffic.sent', { sent: bytes(sent, lang), total: bytes(total, lang) })}</span>
      )}
      {/* Only this is news; the amounts would be read out many times a second. */}
      <span className="muted" role="status">
        {all && t('traffic.decoding')}
      </span>
    </div>
  );
}

function Done({ capture }: { capture: TrafficCapture }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const unread = capture.decryption.some(({ state }) => state === 'no_key');
  return (
    <>
      <Notice
        tone={capture.units > 0 ? 'good' : 'warn'}
        title={t('traffic.stored', { n: capture.units })}
        live="polite"
      >
        {t('traffic.storedOf', {
          packets: capture.packets,
          requests: capture.requests,
          connections: capture.connections,
          size: bytes(capture.bytes, lang),
        })}
      </Notice>
      <ul className="badges">
        {capture.decryption.map(({ state, connections }) => (
          <li key={state} className="badges">
            <DecryptionBadge state={state} /> {connections.toLocaleString(lang)}
          </li>
        ))}
      </ul>
      {unread && <Notice tone="warn">{t('traffic.advice.no_key')}</Notice>}
      {capture.fault && (
        <Notice tone="warn" title={t('traffic.damaged')}>
          <span className="mono" lang="en">
            {capture.fault}
          </span>
        </Notice>
      )}
    </>
  );
}
