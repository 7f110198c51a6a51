import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

// `make web` sets OCTET_URL: the running Octet that answers the page of the development server.
const octet = process.env.OCTET_URL ?? 'http://127.0.0.1:8321'
const proxied = { target: octet, changeOrigin: true, ws: true, headers: { Origin: octet } }

// Of the API's description, forms need only what users may send.
const ofForms: Plugin = {
  name: 'octet-forms',
  enforce: 'pre',
  transform(text, id) {
    if (!id.endsWith('/openapi.json')) return
    const { paths, components } = JSON.parse(text) as { paths: Record<string, Record<string, Record<string, unknown>>>; components: { schemas: Record<string, unknown> } }
    const kept = Object.entries(paths).map(([path, operations]) => [path, Object.entries(operations).filter(([, one]) => one['x-permission']).map(([method, one]) => [method, { ...one, responses: undefined, description: undefined, tags: undefined }])] as const)
    const forms = Object.fromEntries(kept.filter(([, operations]) => operations.length).map(([path, operations]) => [path, Object.fromEntries(operations)]))
    const schemas: Record<string, unknown> = {}
    const follow = (part: unknown) =>
      [...JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)].forEach(([, name = '']) => {
        if (name in schemas) return
        schemas[name] = components.schemas[name]
        follow(schemas[name])
      })
    follow(forms)
    return JSON.stringify({ paths: forms, components: { schemas } })
  },
}

export default defineConfig({
  base: '/page/',
  plugins: [ofForms, react()],
  // These browsers know light-dark(); what takes its place for older ones needs a color-scheme in our own files.
  build: { cssTarget: ['chrome123', 'firefox120', 'safari17.5'], outDir: process.env.OCTET_PAGE_OUT ?? '../bot/web/static', emptyOutDir: true, sourcemap: false },
  server: { proxy: { '/api': proxied, '/log-in': proxied } },
})
