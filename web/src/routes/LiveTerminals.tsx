// Terminals that live now: one's own, or everybody's for an administrator; each can be ended.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Terminal } from '../api/contract';
import { acts, queries, whoseRows } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Confirm } from '../ui/overlays';
import { CopyId, Empty, Time } from '../ui/show';
import { toaster } from '../ui/toast';
import { Listing } from './Listing';
import { MoreRows, usePages } from './Pages';
import { ProblemNotice } from './ProblemView';
import { useUserMeant } from './userMeant';

export function LiveTerminals(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const search = useSearch({ from: '/inside/access/terminals' });
  const navigate = useNavigate({ from: '/access/terminals' });
  // Only an administrator has the field by which it could be cleared.
  const whose = me.admin ? search.user : undefined;
  const meant = useUserMeant(me, whose);
  const user = whoseRows(me, meant?.user);
  const pages = usePages(['terminals', 'pages', user], (after) => acts.terminalPage(user, after), 5_000);
  const { rows, error, refetch } = pages;
  const [ending, setEnding] = useState<Terminal | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const live = rows?.filter((each) => !each.ended_at) ?? [];
  const confirm = () => {
    if (!ending) return;
    acts.endTerminal(ending.id).then(() => {
      setEnding(null);
      toaster.show('good', t('live.ended', { pod: ending.pod }));
      void queryClient.invalidateQueries({ queryKey: ['terminals'] });
    }, setFailure);
  };
  const body = (
    <div className="room-body">
      <Listing
        rows={rows && live}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <Empty icon="terminal" title={whose ? t('live.noneFiltered', { user: whose }) : t('live.none')}>
            {whose ? t('audit.noneFiltered') : t('live.noneTodo')}
          </Empty>
        }
        heads={[t('link.to'), t('link.user'), t('live.since'), t('live.hub'), 'ID']}
      >
        {(each) => (
          <tr key={each.id}>
            <th scope="row">
              <span className="mono">{`${each.pod} / ${each.container}`}</span>
              <span className="mono faint">{`${each.cluster} / ${each.namespace}`}</span>
            </th>
            <td className="mono" data-head={t('link.user')}>
              {each.user}
            </td>
            <td data-head={t('live.since')}>
              <Time at={each.started_at} lang={lang} />
            </td>
            <td className="mono" data-head={t('live.hub')}>
              {each.hub}
            </td>
            <td data-head="ID">
              <CopyId value={each.id} label={t('copy.id')} copied={t('copy.done')} chars={12} />
            </td>
            <td className="table-acts">
              <Button
                size="small"
                aria-label={t('live.endOf', { pod: each.pod })}
                onPress={() => {
                  setFailure(null);
                  setEnding(each);
                }}
              >
                {t('live.end')}
              </Button>
            </td>
          </tr>
        )}
      </Listing>
      <MoreRows pages={pages} />
      {ending && (
        <Confirm
          title={t('live.endOf', { pod: ending.pod })}
          isOpen
          onClose={() => setEnding(null)}
          onConfirm={confirm}
          confirmLabel={t('live.end')}
          cancelLabel={t('act.cancel')}
        >
          {failure !== null && <ProblemNotice error={failure} />}
          <p className="mono">{`${ending.user} → ${ending.cluster} / ${ending.namespace} / ${ending.pod} / ${ending.container}`}</p>
          <p>{t('live.endLead')}</p>
        </Confirm>
      )}
    </div>
  );
  if (!me.admin) return body;
  return (
    <>
      <div className="filters">
        <FilterInput
          label={t('link.filterUser')}
          value={whose ?? ''}
          onChange={(user) => void navigate({ search: { user: user || undefined }, replace: true })}
        />
      </div>
      {body}
    </>
  );
}
