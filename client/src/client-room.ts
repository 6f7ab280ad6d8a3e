import type { EventsOf, GameContract, ReplyOf } from '@ringside/protocol'
import type {
  ClientRoom,
  CommandError,
  EntryOptions,
  EventInfo,
  PatchInfo,
  RequestOptions,
  RoomNotice,
  RoomStateOf,
  RoomStatus,
  RoomType,
  RosterEntry,
  SendOptions,
  ServerClock,
  StatusInfo,
} from './client-types.ts'
import { entryWatch } from './entry-watch.ts'
import type { EntryWatch } from './entry-watch.ts'
import type { RoomConnection } from './room-connection.ts'
import type { RoomView } from './room-view.ts'

/** Games hold this: it is one face for the view of the room and its connection. */
export class GameRoom<G extends GameContract, T extends RoomType<G>> implements ClientRoom<G, T> {
  readonly #view: RoomView
  readonly #connection: RoomConnection

  constructor(view: RoomView, connection: RoomConnection) {
    this.#view = view
    this.#connection = connection
  }

  get id(): string {
    return this.#view.joined.roomId
  }
  get type(): T {
    return this.#view.joined.type as T
  }
  get sessionId(): string {
    return this.#view.joined.sessionId
  }
  get name(): string {
    return this.#view.joined.name
  }
  get reconnectToken(): string {
    return this.#view.joined.reconnectToken
  }
  get tickHz(): number {
    return this.#view.joined.tickHz
  }
  get patchHz(): number {
    return this.#view.joined.patchHz
  }
  get roster(): ReadonlyMap<string, RosterEntry> {
    return this.#view.roster
  }
  get state(): RoomStateOf<G, T> {
    return this.#view.replica?.state as RoomStateOf<G, T>
  }
  get epoch(): number {
    return this.#view.replica?.epoch ?? 0
  }
  get tick(): number {
    return this.#view.replica?.tick ?? 0
  }
  get at(): number {
    return this.#view.replica?.at ?? 0
  }
  get status(): RoomStatus {
    return this.#connection.status
  }
  get isPaused(): boolean {
    return this.#view.isPaused
  }
  get clock(): ServerClock {
    return this.#connection.clock
  }
  get ping(): number {
    return this.#connection.clock.rttMs
  }

  send(command: string | number, payload?: unknown, options?: SendOptions): boolean {
    return this.#connection.channel.send(command, payload, options)
  }

  request<N extends keyof G['commands'] & string>(
    command: N,
    payload: unknown,
    options?: RequestOptions,
  ): Promise<ReplyOf<G['commands'][N]>> {
    return this.#connection.channel.request(command, payload, options)
  }

  on<N extends keyof EventsOf<G['rooms'][T]> & string>(
    name: N,
    handler: (payload: EventsOf<G['rooms'][T]>[N], info: EventInfo) => void,
  ): () => void {
    return this.#view.on(name, handler)
  }

  onChange<V>(selector: (state: RoomStateOf<G, T>) => V, listener: (value: V) => void): () => void {
    return this.#view.watch.add(this.state, {
      selector: selector as never,
      listener: (value: V) => listener(value),
    })
  }

  onAdd<V>(
    selector: (state: RoomStateOf<G, T>) => Readonly<Record<string, V>> | undefined,
    listener: (entry: V, key: string) => void,
    { immediate = true }: EntryOptions = {},
  ): () => void {
    const watch = entryWatch(listener, null)
    return this.#watchEntries(selector, watch, immediate)
  }

  onRemove<V>(
    selector: (state: RoomStateOf<G, T>) => Readonly<Record<string, V>> | undefined,
    listener: (entry: V, key: string) => void,
  ): () => void {
    return this.#watchEntries(selector, entryWatch(null, listener), false)
  }

  #watchEntries<V>(
    selector: (state: RoomStateOf<G, T>) => Readonly<Record<string, V>> | undefined,
    watch: EntryWatch<V>,
    isTold: boolean,
  ): () => void {
    watch.start(selector(this.state), isTold)
    const remove = this.#view.watch.add(this.state, {
      selector: selector as never,
      listener: (map: Readonly<Record<string, V>> | undefined, isFull) => watch.run(map, isFull),
    })
    return () => {
      remove()
      watch.stop()
    }
  }

  onPatch(listener: (patch: PatchInfo) => void): () => void {
    return this.#view.patched.add(listener)
  }

  onJoined(listener: (player: RosterEntry) => void): () => void {
    return this.#view.arrived.add(listener)
  }

  onLeft(listener: (player: RosterEntry) => void): () => void {
    return this.#view.departed.add(listener)
  }

  onPaused(listener: (isPaused: boolean) => void): () => void {
    return this.#view.pauseChanged.add(listener)
  }

  onNotice(listener: (notice: RoomNotice) => void): () => void {
    return this.#view.noticed.add(listener)
  }

  onStatus(listener: (status: RoomStatus, info: StatusInfo) => void): () => void {
    return this.#connection.statusChanged.add(listener)
  }

  rpc<R>(method: string, params?: unknown, options?: RequestOptions): Promise<R> {
    return this.#connection.channel.rpc(method, params, options)
  }

  onMessage(commandId: number, handler: (payload: Uint8Array) => void): () => void {
    return this.#connection.channel.onMessage(commandId, handler)
  }

  onError(handler: (error: CommandError) => void): () => void {
    return this.#connection.channel.onError(handler)
  }

  disconnect(): void {
    this.#connection.disconnect()
  }

  leave(): Promise<void> {
    return this.#connection.leave()
  }
}
