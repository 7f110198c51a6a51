// The page's service worker: the shell opens without Octet, and never holds data. The shell comes from the network first;
// its files, whose names hold a hash, from the cache.
const SHELL = 'octet-shell'
const PAGE = '/page'

self.addEventListener('install', (event) => {
  self.skipWaiting()
  event.waitUntil(first())
})

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url)
  if (event.request.method !== 'GET' || url.origin !== location.origin || !(url.pathname === PAGE || url.pathname.startsWith(`${PAGE}/`))) return
  if (event.request.mode === 'navigate') event.respondWith(shell())
  else if (url.pathname.startsWith(`${PAGE}/assets/`)) event.respondWith(asset(event.request))
})

async function first() {
  const cache = await caches.open(SHELL)
  const found = await fetch(PAGE)
  if (!found.ok) return
  const files = (await found.clone().text()).match(/\/page\/assets\/[\w.-]+/g) ?? []
  await cache.addAll([...new Set(files)])
  await cache.put(PAGE, found)
}

async function shell() {
  const cache = await caches.open(SHELL)
  try {
    const found = await fetch(PAGE)
    if (found.ok) await keep(cache, found.clone())
    return found
  } catch (error) {
    const kept = await cache.match(PAGE)
    if (kept) return kept
    throw error
  }
}

/** Keep a new shell, and forget the files of the one before. */
async function keep(cache, found) {
  const before = await cache.match(PAGE)
  const text = await found.clone().text()
  if (before && (await before.text()) !== text)
    for (const one of await cache.keys()) if (new URL(one.url).pathname !== PAGE) await cache.delete(one)
  await cache.put(PAGE, found)
}

async function asset(request) {
  const cache = await caches.open(SHELL)
  const kept = await cache.match(request)
  if (kept) return kept
  const found = await fetch(request)
  if (found.ok) await cache.put(request, found.clone())
  return found
}

// What needs the user, when no page is open: Octet's words, encrypted for this browser.
self.addEventListener('push', (event) => {
  const { text, where, about } = event.data.json()
  event.waitUntil(self.registration.showNotification('Octet', { body: text, tag: about, data: where, icon: `${PAGE}/icon-192.png` }))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openPage(event.notification.data))
})

async function openPage(where) {
  const [open] = await self.clients.matchAll({ type: 'window' })
  if (!open) return self.clients.openWindow(where)
  await open.navigate(where)
  return open.focus()
}
