// Starts the console: secrets out of the address bar first, then the page.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { I18nProvider } from 'react-aria-components';
import { createRoot } from 'react-dom/client';
import 'pretendard/dist/web/variable/pretendardvariable-dynamic-subset.css';
import './fonts/d2coding.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/overlays.css';
import './styles/shell.css';
import './styles/rooms.css';
import './styles/tables.css';
import './styles/terminal.css';
import './styles/traffic.css';
import './styles/posture.css';
import { useLanguage } from './i18n';
import { queryClient } from './queryClient';
import { router } from './router';
import { watchFragment } from './secrets';
import { adoptInsertedStyles } from './strictCsp';

watchFragment();
adoptInsertedStyles();

function Console() {
  return (
    <I18nProvider locale={useLanguage()}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </I18nProvider>
  );
}

const host = document.getElementById('root');
if (host)
  createRoot(host).render(
    <StrictMode>
      <Console />
    </StrictMode>,
  );
