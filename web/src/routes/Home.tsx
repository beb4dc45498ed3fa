// Home: what needs me now, my workspaces, the terminals I have open anywhere, and the links of mine still outstanding.
import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Me, Workspace } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Badge, Empty, Notice, SkeletonRows, Time } from '../ui/show';
import { span } from '../ui/time';
import { useNow } from '../ui/useNow';
import { ProblemNotice } from './ProblemView';
import { Room } from './Room';
import { WorkspaceRow } from './Workspaces';

const soonMs = 30 * 60_000;
const shownMax = 6;

export function Home(): ReactNode {
  const t = useT();
  const { data: me } = useSuspenseQuery(queries.me);
  const workspaces = useQuery(queries.workspaces);
  return (
    <Room title={t('room.home')} aside={t('home.hello', { name: me.display_name })}>
      <NeedsMe me={me} workspaces={workspaces.data?.items ?? []} />
      <section className="block" aria-labelledby="home-workspaces">
        <div className="block-head">
          <h2 id="home-workspaces">{t('workspace.mine')}</h2>
          <Link to="/workspaces">{t('home.allWorkspaces')}</Link>
        </div>
        {workspaces.error && !workspaces.data && (
          <ProblemNotice error={workspaces.error} onRetry={() => void workspaces.refetch()} />
        )}
        {workspaces.isPending && <SkeletonRows rows={2} label={t('act.loading')} />}
        {workspaces.data?.items.length === 0 && (
          <Empty
            icon="workspaces"
            title={t('workspace.none')}
            action={
              <Link className="button button-primary button-normal" to="/workspaces">
                {t('home.create')}
              </Link>
            }
          >
            {t('home.noneTodo')}
          </Empty>
        )}
        {workspaces.data && workspaces.data.items.length > 0 && (
          <ul className="rows">
            {workspaces.data.items.slice(0, shownMax).map((workspace) => (
              <WorkspaceRow key={workspace.id} workspace={workspace} brief />
            ))}
          </ul>
        )}
      </section>
      <div className="columns">
        <HomeTerminals me={me} />
        <HomeLinks me={me} />
      </div>
    </Room>
  );
}

function NeedsMe({ me, workspaces }: { me: Me; workspaces: readonly Workspace[] }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const now = useNow();
  const needs: ReactNode[] = [];
  for (const workspace of workspaces) {
    const left = Date.parse(workspace.expires_at) - now;
    if (workspace.state === 'failed')
      needs.push(
        <Notice key={workspace.id} tone="bad" title={t('home.failed', { name: workspace.name })}>
          <Link to="/workspaces">{t('home.failedTodo')}</Link>
        </Notice>,
      );
    else if (workspace.state === 'running' && left < soonMs)
      needs.push(
        <Notice
          key={workspace.id}
          tone="warn"
          title={t('home.expiring', { name: workspace.name, span: span(left / 1000, lang) })}
        >
          {t('home.expiringTodo')}
        </Notice>,
      );
  }
  const signInLeft = Date.parse(me.expires_at) - now;
  if (signInLeft < soonMs)
    needs.push(
      <Notice key="sign-in" tone="warn" title={t('home.signInEnds', { span: span(signInLeft / 1000, lang) })}>
        {t('home.signInEndsTodo')}
      </Notice>,
    );
  return (
    <section className="block" aria-labelledby="home-needs">
      <h2 id="home-needs">{t('home.needs')}</h2>
      {needs.length > 0 ? <div className="stack">{needs}</div> : <p className="muted">{t('home.calm')}</p>}
    </section>
  );
}

function HomeTerminals({ me }: { me: Me }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, isPending, refetch } = useQuery(queries.terminals());
  const mine = data?.items.filter((each) => each.user === me.user && !each.ended_at) ?? [];
  return (
    <section className="block" aria-labelledby="home-terminals">
      <div className="block-head">
        <h2 id="home-terminals">{t('home.terminals')}</h2>
        <Link to="/access/terminals">{t('home.all')}</Link>
      </div>
      {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {isPending && <SkeletonRows rows={2} label={t('act.loading')} />}
      {data && mine.length === 0 && (
        <Empty icon="terminal" title={t('home.noTerminals')}>
          {t('home.noTerminalsTodo')}
        </Empty>
      )}
      {mine.length > 0 && (
        <ul className="rows rows-tight">
          {mine.slice(0, shownMax).map((each) => (
            <li className="row" key={each.id}>
              <div className="row-main">
                <span className="mono">{`${each.pod} / ${each.container}`}</span>
                <span className="row-facts faint">
                  <span className="mono">{`${each.cluster} / ${each.namespace}`}</span>
                  <Time at={each.started_at} lang={lang} />
                </span>
              </div>
              <Badge tone="good">{t('terminal.state.live')}</Badge>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function HomeLinks({ me }: { me: Me }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, isPending, refetch } = useQuery(queries.links({ user: me.user }));
  const outstanding = data?.items.filter((each) => each.state === 'minted' || each.state === 'bound') ?? [];
  return (
    <section className="block" aria-labelledby="home-links">
      <div className="block-head">
        <h2 id="home-links">{t('home.links')}</h2>
        <Link to="/access/links">{t('home.all')}</Link>
      </div>
      {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {isPending && <SkeletonRows rows={2} label={t('act.loading')} />}
      {data && outstanding.length === 0 && (
        <Empty icon="link" title={t('home.noLinks')}>
          {t('home.noLinksTodo')}
        </Empty>
      )}
      {outstanding.length > 0 && (
        <ul className="rows rows-tight">
          {outstanding.slice(0, shownMax).map((each) => (
            <li className="row" key={each.id}>
              <div className="row-main">
                <span className="mono">{`${each.pod} / ${each.container}`}</span>
                <span className="row-facts faint">
                  <span className="mono">{`${each.cluster} / ${each.namespace}`}</span>
                  <span>
                    {t('link.expiresLabel')} <Time at={each.expires_at} lang={lang} />
                  </span>
                </span>
              </div>
              <Badge tone="calm">{t(`link.state.${each.state}`)}</Badge>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
