// The switches for language and theme, which stand in the rail and on the sign-in page.
import type { ReactNode } from 'react';
import { language, useLanguage, useT } from '../i18n';
import { prefs, type Theme, usePrefs } from '../prefs';
import { IconButton } from '../ui/controls';
import { Menu } from '../ui/overlays';

export function LanguageSwitch(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <Menu
      label={t('prefs.language')}
      trigger={<IconButton icon="globe" label={t('prefs.language')} />}
      entries={[
        { id: 'en', label: 'English', checked: lang === 'en' },
        { id: 'ko', label: '한국어', checked: lang === 'ko' },
      ]}
      onAction={(id) => language.set(id === 'ko' ? 'ko' : 'en')}
    />
  );
}

export const themeIcons = { dark: 'moon', light: 'sun', system: 'screen' } as const;

export function ThemeSwitch(): ReactNode {
  const t = useT();
  const { theme } = usePrefs();
  return (
    <Menu
      label={t('prefs.theme')}
      trigger={<IconButton icon={themeIcons[theme]} label={t('prefs.theme')} />}
      entries={[
        { id: 'system', label: t('prefs.theme.system'), icon: 'screen', checked: theme === 'system' },
        { id: 'light', label: t('prefs.theme.light'), icon: 'sun', checked: theme === 'light' },
        { id: 'dark', label: t('prefs.theme.dark'), icon: 'moon', checked: theme === 'dark' },
      ]}
      onAction={(id) => prefs.set({ theme: id as Theme })}
    />
  );
}
