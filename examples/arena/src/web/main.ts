const app = document.getElementById('app')

/** Finds the page that the address asks for. Each page is loaded by itself: the lobby needs no game engine. */
async function route(root: HTMLElement): Promise<void> {
  // The page's <base> is where the server's paths begin, under whatever prefix.
  const { pathname: folder } = new URL(document.baseURI)
  const [page, room] = location.pathname.slice(folder.length).split('/').filter(Boolean)
  const roomId = room === undefined ? null : decode(room)
  if (page === 'play') {
    const { playPage } = await import('./pages/play.ts')
    playPage(root, roomId)
  } else if (page === 'watch' && roomId !== null) {
    const { watchPage } = await import('./pages/watch.ts')
    watchPage(root, roomId)
  } else if (page === 'watch') {
    const { wallPage } = await import('./pages/wall.ts')
    wallPage(root)
  } else {
    const { lobbyPage } = await import('./pages/lobby.ts')
    lobbyPage(root)
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

if (app)
  route(app).catch(() => {
    app.textContent = 'This page could not be loaded. The server may be away: reload to try again.'
  })

// A page taken out of the browser's back-forward cache has closed its connections: it begins anew.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})
