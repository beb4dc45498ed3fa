// Decides whether terminals are drawn with WebGL: only where a real graphics processor does it, unless the person says so.
import { prefs } from '../prefs';

let hardware: boolean | undefined;

/** Drawing WebGL in software is slower than drawing with the DOM, and slows the first prompt by a tenth of a second. */
function hasHardware(): boolean {
  if (hardware === undefined) {
    const probe = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
    const names = probe?.getExtension('WEBGL_debug_renderer_info');
    const name = names ? String(probe?.getParameter(names.UNMASKED_RENDERER_WEBGL)) : '';
    // Not every browser counts its own software renderer as a caveat.
    hardware = probe !== null && !/swiftshader|llvmpipe|software|basic render/i.test(name);
    probe?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return hardware;
}

export function drawsWithWebgl(): boolean {
  const { renderer } = prefs.get();
  return renderer === 'webgl' || (renderer === 'auto' && hasHardware());
}
