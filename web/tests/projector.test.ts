import { describe, expect, it } from 'vitest'

import { Camera, centred, pointAt, screenOf } from '../src/lab/projector/camera'
import { placed } from '../src/lab/projector/labels'

const FADED = 255

describe('the camera', () => {
  const points = Float32Array.from([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1])
  const seen = (act: (camera: Camera) => void, solid = true) => {
    const camera = new Camera()
    act(camera)
    const screen = screenOf(4)
    camera.project(points, solid, 200, 100, screen)
    return { ...screen, at: (i: number) => [Math.round(screen.x[i]!), Math.round(screen.y[i]!)] }
  }

  it('puts the middle in the middle, the first axis to the right and the second upward', () => {
    const { at } = seen(() => {})
    expect([at(0), at(1), at(2)]).toEqual([
      [100, 50],
      [150, 50],
      [100, 0],
    ])
  })

  it('turns: what lies in front follows the hand', () => {
    const right = seen((camera) => camera.turn(0.3, 0))
    expect(right.x[3]).toBeGreaterThan(101)
    const down = seen((camera) => camera.turn(0, 0.3))
    expect(down.y[3]).toBeGreaterThan(51)
    const whole = seen((camera) => camera.turn(2 * Math.PI, 0))
    expect(whole.at(1)).toEqual([150, 50])
  })

  it('tells near from far in three dimensions only', () => {
    expect(seen(() => {}).level[3]).toBeGreaterThan(seen(() => {}).level[0]!)
    expect(new Set(seen(() => {}, false).level).size).toBe(1)
  })

  it('enlarges about the place under the hand', () => {
    const { at } = seen((camera) => camera.enlarge(2, 50, 0))
    expect(at(1)).toEqual([150, 50])
    expect(at(0)).toEqual([50, 50])
  })

  it('finds the point under the hand, but none that is faded', () => {
    const screen = seen(() => {})
    expect(pointAt(screen, new Uint8Array(4), FADED, 148, 51, 10)).toBe(1)
    expect(pointAt(screen, Uint8Array.from([0, FADED, 0, 0]), FADED, 148, 51, 10)).toBe(null)
  })

  it('looks at a ball around the middle of the points', () => {
    const found = centred(Float32Array.from([10, 0, 0, 14, 0, 0, 12, 2, 0, 12, -2, 0]))
    expect(found[0]).toBeLessThan(0)
    expect(Math.max(...found)).toBeLessThanOrEqual(1)
    expect(centred(new Float32Array(9)).every((value) => value === 0)).toBe(true)
  })
})

describe('names beside points', () => {
  it('cover none another and stay on the screen', () => {
    const screen = { x: Float32Array.from([10, 12, 10, 500]), y: Float32Array.from([50, 52, 80, 50]) }
    const found = placed([0, 1, 2, 3], 10, screen, 200, 100, String, () => 20)
    expect(found.map((one) => one.point)).toEqual([0, 2])
    expect(placed([0, 1, 2, 3], 1, screen, 200, 100, String, () => 20)).toHaveLength(1)
  })
})
