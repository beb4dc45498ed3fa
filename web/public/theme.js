// Sets theme and language on <html> before the first paint, so that neither flashes; the console keeps them up to date later.
(function () {
  var root = document.documentElement;
  var stored = function (key) {
    try {
      return localStorage.getItem(key);
    } catch (_) {
      return null;
    }
  };
  var theme = stored('sallyport.theme');
  if (theme === 'dark' || theme === 'light') root.dataset.theme = theme;
  var language = stored('sallyport.language') || (navigator.language || 'en').slice(0, 2);
  root.lang = language === 'ko' ? 'ko' : 'en';
})();
