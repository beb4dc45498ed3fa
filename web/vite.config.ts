// Builds the console into dist/, which the hub embeds and serves under a strict Content-Security-Policy.
import { defineConfig } from 'vite';

const mock = process.env.SALLYPORT_DEV_HUB ?? 'http://localhost:8686';

export default defineConfig({
  build: {
    target: 'es2022',
    // Nothing is inlined as data: so that font-src and script-src can stay 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    reportCompressedSize: false,
    // "use client" means nothing here, and every library of components has it.
    rolldownOptions: {
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      '/api': { target: mock, secure: false },
      '/presigned': { target: mock, secure: false, ws: true },
      '/livez': { target: mock, secure: false },
    },
  },
});
