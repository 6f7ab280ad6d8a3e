import * as Phaser from 'phaser'
import type { SceneOptions } from './arena-scene.ts'
import { ArenaScene } from './arena-scene.ts'

export interface Stage {
  readonly scene: ArenaScene
  close(): void
}

/** A denser canvas than this costs more than it shows. */
const MAX_PIXEL_RATIO = 2

/**
 * Opens a canvas that fills `parent` and draws a source on it, with WebGL where there is one and
 * without where there is none.
 */
export function openStage(parent: HTMLElement, options: Omit<SceneOptions, 'pixelRatio'>): Stage {
  const pixelRatio = Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio || 1)
  const size = (): { width: number; height: number } => ({
    width: Math.max(64, Math.round(parent.clientWidth * pixelRatio)),
    height: Math.max(64, Math.round(parent.clientHeight * pixelRatio)),
  })
  const scene = new ArenaScene({ ...options, pixelRatio })
  const game = new Phaser.Game({
    type: hasWebGl() ? Phaser.WEBGL : Phaser.CANVAS,
    parent,
    ...size(),
    backgroundColor: '#0a0d14',
    banner: false,
    disableContextMenu: true,
    audio: { noAudio: true },
    // Input is the page's own affair (input/), for Phaser's would swallow keys meant for the chat.
    input: { keyboard: false, mouse: false, touch: false, gamepad: false },
    render: { antialias: true, powerPreference: 'high-performance' },
    scale: { mode: Phaser.Scale.NONE, zoom: 1 / pixelRatio },
    scene,
  })
  const observer = new ResizeObserver(() => {
    const { width, height } = size()
    game.scale.resize(width, height)
  })
  observer.observe(parent)
  return {
    scene,
    close(): void {
      observer.disconnect()
      game.destroy(true)
    },
  }
}

/** A WebGL made by software is slower than the plain canvas, so it counts as none. */
function hasWebGl(): boolean {
  try {
    const canvas = document.createElement('canvas')
    const context = canvas.getContext('webgl', { failIfMajorPerformanceCaveat: true })
    if (!context) return false
    const info = context.getExtension('WEBGL_debug_renderer_info')
    const maker = info ? String(context.getParameter(info.UNMASKED_RENDERER_WEBGL)) : ''
    context.getExtension('WEBGL_lose_context')?.loseContext()
    return !/swiftshader|llvmpipe|software/i.test(maker)
  } catch {
    return false
  }
}
