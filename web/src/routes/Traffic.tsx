// The Traffic room: what was said to the API server, live, filtered by the URL, each unit whole; for administrators.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useState } from 'react';
import { useT } from '../i18n';
import { Button } from '../ui/controls';
import { AdminOnly } from './Access';
import { Room } from './Room';
import { TrafficAgents } from './TrafficAgents';
import { TrafficConnections } from './TrafficConnections';
import { TrafficList } from './TrafficList';
import { TrafficRole } from './TrafficRole';
import { TrafficUpload } from './TrafficUpload';
import { type TrafficSearch, trafficViews } from './urlState';

export function Traffic(): ReactNode {
  const t = useT();
  return (
    <AdminOnlyRoom title={t('room.traffic')}>
      <TrafficRoom />
    </AdminOnlyRoom>
  );
}

function AdminOnlyRoom({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <AdminOnly
      instead={(problem) => (
        <Room title={title}>
          <div className="stack">{problem}</div>
        </Room>
      )}
    >
      {children}
    </AdminOnly>
  );
}

function TrafficRoom(): ReactNode {
  const t = useT();
  const search = useSearch({ from: '/inside/traffic' });
  const navigate = useNavigate({ from: '/traffic' });
  const [uploading, setUploading] = useState(false);
  const [mark, setMark] = useState<ReactNode>(null);
  const change = useCallback(
    (part: Partial<TrafficSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true }),
    [navigate],
  );
  const view = search.view ?? 'units';
  return (
    <Room
      title={t('room.traffic')}
      flush
      aside={mark}
      actions={
        <Button icon="plus" onPress={() => setUploading(true)}>
          {t('traffic.upload')}
        </Button>
      }
    >
      <nav className="tab-list tab-links" aria-label={t('room.traffic')}>
        {trafficViews.map((each) => (
          <button
            key={each}
            type="button"
            className={each === view ? 'tab tab-current' : 'tab'}
            aria-current={each === view ? 'page' : undefined}
            onClick={() =>
              change({ view: each === 'units' ? undefined : each, unit: undefined, connection: undefined })
            }
          >
            {t(`traffic.view.${each}`)}
          </button>
        ))}
      </nav>
      <TrafficAgents />
      {view === 'units' && (
        <TrafficList search={search} change={change} onUpload={() => setUploading(true)} onMark={setMark} />
      )}
      {view === 'connections' && (
        <TrafficConnections search={search} change={change} onUpload={() => setUploading(true)} />
      )}
      {view === 'role' && <TrafficRole search={search} change={change} />}
      <TrafficUpload isOpen={uploading} onClose={() => setUploading(false)} />
    </Room>
  );
}
