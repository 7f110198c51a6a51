import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// `make web` sets OCTET_URL: the running Octet that answers the page of the development server.
const octet = process.env.OCTET_URL ?? 'http://127.0.0.1:8321'
const proxied = { target: octet, changeOrigin: true, ws: true, headers: { Origin: octet } }

export default defineConfig({
  base: '/page/',
  plugins: [react()],
  // These browsers know light-dark(); what takes its place for older ones needs a color-scheme in our own files.
  build: { cssTarget: ['chrome123', 'firefox120', 'safari17.5'], outDir: process.env.OCTET_PAGE_OUT ?? '../bot/web/static', emptyOutDir: true, sourcemap: false },
  server: { proxy: { '/api': proxied, '/log-in': proxied } },
})
