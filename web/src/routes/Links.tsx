// Presigned links: one's own, or everybody's for an administrator; each can be revoked, or all of a person's at once.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Link, LinkState } from '../api/contract';
import { acts, queries, whoseRows } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Select } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Confirm } from '../ui/overlays';
import { Badge, CopyId, Empty, Time, type Tone } from '../ui/show';
import { toaster } from '../ui/toast';
import { Listing } from './Listing';
import { MoreRows, usePages } from './Pages';
import { ProblemNotice } from './ProblemView';
import { type LinkSearch, linkStates } from './urlState';
import { useUserMeant } from './userMeant';

const tones: Record<LinkState, Tone> = {
  minted: 'accent',
  bound: 'accent',
  used: 'calm',
  revoked: 'bad',
  expired: 'calm',
};
const isOutstanding = (link: Link): boolean => link.state === 'minted' || link.state === 'bound';
/** A used link's terminal may still live, and revoking ends it. */
const canRevoke = (link: Link): boolean => isOutstanding(link) || link.state === 'used';

export function Links(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const search = useSearch({ from: '/inside/access/links' });
  const navigate = useNavigate({ from: '/access/links' });
  const meant = useUserMeant(me, search.user);
  const filter = { ...search, user: whoseRows(me, meant?.user) };
  const pages = usePages(['links', 'pages', filter], (after) => acts.linkPage(filter, after), 10_000);
  const { rows: links, error, refetch } = pages;
  const [revoking, setRevoking] = useState<Link | { allOf: string } | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const whose = meant?.user ?? me.user;
  const isSomebody = !meant || meant.isKnown || links?.some(({ user }) => user === whose);
  const change = (part: Partial<LinkSearch>) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const ask = (what: Link | { allOf: string }) => {
    setFailure(null);
    setRevoking(what);
  };
  const done = (said: string, tone: 'good' | 'calm' = 'good') => {
    setRevoking(null);
    setFailure(null);
    toaster.show(tone, said);
    void queryClient.invalidateQueries({ queryKey: ['links'] });
    void queryClient.invalidateQueries({ queryKey: ['terminals'] });
  };
  const confirm = () => {
    if (!revoking) return;
    if ('allOf' in revoking)
      acts
        .revokeAllLinks(revoking.allOf)
        .then(
          ({ revoked }) =>
            revoked > 0 ? done(t('link.revokedAll', { n: revoked })) : done(t('link.revokedNone'), 'calm'),
          setFailure,
        );
    else acts.revokeLink(revoking.id).then(() => done(t('link.revoked')), setFailure);
  };
  return (
    <>
      <div className="filters">
        {me.admin && (
          <FilterInput
            label={t('link.filterUser')}
            value={search.user ?? ''}
            onChange={(user) => change({ user: user || undefined })}
          />
        )}
        <Select
          label={t('link.state')}
          labelHidden
          value={search.state ?? '*'}
          choices={[
            { id: '*', label: t('link.allStates') },
            ...linkStates.map((id) => ({ id, label: t(`link.state.${id}`) })),
          ]}
          onChange={(id) => change({ state: linkStates.find((each) => each === id) })}
        />
        {isSomebody && (
          <Button icon="denied" onPress={() => ask({ allOf: whose })}>
            {t('link.revokeAllOf', { user: whose })}
          </Button>
        )}
      </div>
      <div className="room-body">
        <Listing
          rows={links}
          error={error}
          onRetry={() => void refetch()}
          empty={
            <Empty icon="link" title={t(meant || search.state ? 'link.noneFiltered' : 'link.none')}>
              {meant && !meant.isKnown
                ? t('link.wholeName')
                : t(meant || search.state ? 'audit.noneFiltered' : 'link.noneTodo')}
            </Empty>
          }
          heads={[t('link.to'), t('link.user'), t('link.state'), t('link.created'), t('link.expires'), 'ID']}
        >
          {(link) => (
            <tr key={link.id}>
              <th scope="row">
                <span className="mono">{`${link.pod} / ${link.container}`}</span>
                <span className="mono faint">{`${link.cluster} / ${link.namespace}`}</span>
              </th>
              <td data-head={t('link.user')}>
                <span className="mono">{link.user}</span>
                {link.minted_by !== link.user && (
                  <span className="faint"> {t('link.mintedBy', { user: link.minted_by })}</span>
                )}
              </td>
              <td data-head={t('link.state')}>
                <Badge tone={tones[link.state]}>{t(`link.state.${link.state}`)}</Badge>
              </td>
              <td data-head={t('link.created')}>
                <Time at={link.created_at} lang={lang} />
              </td>
              <td data-head={t('link.expires')}>
                <Time at={link.expires_at} lang={lang} />
              </td>
              <td data-head="ID">
                <CopyId value={link.id} label={t('copy.id')} copied={t('copy.done')} chars={12} />
              </td>
              <td className="table-acts">
                {canRevoke(link) && (
                  <Button size="small" aria-label={t('link.revokeOf', { pod: link.pod })} onPress={() => ask(link)}>
                    {t('link.revoke')}
                  </Button>
                )}
              </td>
            </tr>
          )}
        </Listing>
        <MoreRows pages={pages} />
      </div>
      {revoking && (
        <Confirm
          title={'allOf' in revoking ? t('link.revokeAllOf', { user: revoking.allOf }) : t('link.revokeTitle')}
          isOpen
          onClose={() => setRevoking(null)}
          onConfirm={confirm}
          confirmLabel={t('link.revoke')}
          cancelLabel={t('act.cancel')}
        >
          {failure !== null && <ProblemNotice error={failure} />}
          {!('allOf' in revoking) && (
            <p className="mono">{`${revoking.user} → ${revoking.cluster} / ${revoking.namespace} / ${revoking.pod} / ${revoking.container}`}</p>
          )}
          <p>{'allOf' in revoking ? t('link.revokeAllLead') : t('link.revokeLead')}</p>
        </Confirm>
      )}
    </>
  );
}
