// A plain client of the 4-byte protocol, without the SDK. Text of others is shown by textContent.
const commands = { message: 1, joined: 3, left: 4, listUsers: 5, users: 6, setName: 8 }
const ERROR_COMMAND = 0xffff0014
const MAX_LINES = 300

const byId = (id) => document.getElementById(id)
const log = byId('log')
const users = new Map()
const encoder = new TextEncoder()
const decoder = new TextDecoder()
let socket = null
let retryMs = 500

function connect() {
  // Relative to the page, which a proxy may show under a path.
  socket = new WebSocket(new URL('ws', document.baseURI).href.replace(/^http/, 'ws'))
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => {
    retryMs = 500
    status('Connected')
    send(commands.listUsers)
    if (byId('name').value.trim()) setName()
  }
  socket.onmessage = ({ data }) => receive(new DataView(data))
  socket.onclose = ({ code, reason }) => {
    users.clear()
    showUsers()
    // 1008: the server closed for misbehaviour; dialling again would only repeat it.
    if (code === 1008) return status(`Closed by the server: ${reason}`)
    status('The server is away; trying again…')
    setTimeout(connect, retryMs * (0.5 + Math.random()))
    retryMs = Math.min(retryMs * 2, 10_000)
  }
}

function send(id, value) {
  if (socket?.readyState !== WebSocket.OPEN) return status('Not connected; nothing was sent')
  const payload = value === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(value))
  const frame = new Uint8Array(4 + payload.length)
  new DataView(frame.buffer).setUint32(0, id)
  frame.set(payload, 4)
  socket.send(frame)
}

function receive(view) {
  const id = view.getUint32(0)
  if (id === ERROR_COMMAND) return status('The server refused that; shorten or change it')
  if (!Object.values(commands).includes(id)) return
  const value = JSON.parse(decoder.decode(new Uint8Array(view.buffer, 4)))
  if (id === commands.message) showMessage(value)
  else if (id === commands.joined) joined(value)
  else if (id === commands.left) left(value)
  else if (id === commands.users) {
    users.clear()
    for (const user of value) users.set(user.id, user.username)
    showUsers()
  }
}

function joined({ id, username }) {
  const before = users.get(id)
  users.set(id, username)
  showUsers()
  note(before ? `${before} is now ${username}` : `${username} joined`)
}

function left({ id, username }) {
  users.delete(id)
  showUsers()
  note(`${username} left`)
}

function showMessage({ username, message, timestamp }) {
  const line = document.createElement('li')
  const time = document.createElement('time')
  time.dateTime = timestamp
  time.textContent = new Date(timestamp).toLocaleTimeString()
  const name = document.createElement('b')
  name.textContent = username
  const text = document.createElement('span')
  text.textContent = message
  line.append(time, name, text)
  addLine(line)
}

function note(text) {
  const line = document.createElement('li')
  line.className = 'note'
  line.textContent = text
  addLine(line)
}

function addLine(line) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40
  log.append(line)
  while (log.children.length > MAX_LINES) log.firstElementChild.remove()
  if (isAtEnd) log.scrollTop = log.scrollHeight
}

function showUsers() {
  byId('users').replaceChildren(
    ...Array.from(users.values(), (username) => {
      const item = document.createElement('li')
      item.textContent = username
      return item
    }),
  )
}

function status(text) {
  byId('status').textContent = text
}

function setName() {
  send(commands.setName, { username: byId('name').value.trim() })
}

byId('name-form').addEventListener('submit', (event) => {
  event.preventDefault()
  setName()
})
byId('message-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const input = byId('message')
  const message = input.value.trim()
  if (message === '' || socket?.readyState !== WebSocket.OPEN) return
  send(commands.message, { username: byId('name').value.trim() || undefined, message })
  input.value = ''
})

connect()
