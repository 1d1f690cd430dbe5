// The keyboard as a PSP's buttons, where PPSSPP itself has them: key, button, and libretro's
// number. prettier-ignore
export const KEYS = [
  ['ArrowUp', 'up', 4],
  ['ArrowDown', 'down', 5],
  ['ArrowLeft', 'left', 6],
  ['ArrowRight', 'right', 7],
  ['KeyZ', 'cross', 0],
  ['KeyX', 'circle', 8],
  ['KeyA', 'square', 1],
  ['KeyS', 'triangle', 9],
  ['KeyQ', 'l', 10],
  ['KeyW', 'r', 11],
  ['Space', 'start', 3],
  ['KeyV', 'select', 2],
];
