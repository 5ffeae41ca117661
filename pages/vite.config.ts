import { isAbsolute, relative } from 'node:path'
import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import elementStyles from 'unplugin-element-plus/vite'
import components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vite'

/** Where the build goes. It is emptied first, so it must have nothing to do with this folder: not in it, not around it. */
function outDir(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const wanted = process.env.PAGES_OUT
  if (wanted === undefined) return 'dist'
  const apart = (from: string, to: string) => relative(from, to).startsWith('..')
  if (!isAbsolute(wanted) || !apart(here, wanted) || !apart(wanted, here)) {
    throw new Error(`PAGES_OUT must be an absolute folder apart from the sources: "${wanted}"`)
  }
  return wanted
}

// Two pages: what citizens open (index.html, light) and what the staff work with (desk.html, below /desk/).
export default defineConfig({
  plugins: [
    vue(),
    components({ dirs: [], dts: false, resolvers: [ElementPlusResolver({ importStyle: 'css' })] }),
    elementStyles({}),
  ],
  define: { global: 'window' }, // JsSIP's dependencies expect Node's name for it
  // The server puts a new nonce in its place with every answer (web/pages.py): style elements that libraries make need it.
  html: { cspNonce: '__CSP_NONCE__' },
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: outDir(),
    emptyOutDir: true,
    target: 'es2022',
    license: { fileName: 'assets/licenses.md' }, // of all that is bundled
    modulePreload: { polyfill: false }, // it would be an inline script, which the page's policy forbids
    rollupOptions: { input: { citizen: 'index.html', desk: 'desk.html' } },
    chunkSizeWarningLimit: 1200,
  },
  // `npm run dev`: pages from Vite, everything else from a running hotline.
  server: {
    proxy: { '/api': 'http://127.0.0.1:8012', '/ws': { target: 'http://127.0.0.1:8012', ws: true } },
  },
})
