// Sends a capture with its key log to the hub, telling how much is on its way; `fetch` cannot tell that.
import { csrfHeader, reportSignedOut } from './client';
import { reportUnreachable } from './connection';
import type { TrafficCapture } from './contract';
import { ApiProblem, isSignedOut, ownProblem, parseProblem } from './problem';

export type Upload = { done: Promise<TrafficCapture>; cancel: () => void };

/** The body is the key log, then the capture, as the hub expects it; neither is read into memory. */
export function uploadCapture(
  capture: File,
  keys: File | undefined,
  onProgress: (sent: number, total: number) => void,
): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<TrafficCapture>((resolve, reject) => {
    const query = new URLSearchParams({ name: capture.name, keys_bytes: String(keys?.size ?? 0) });
    request.open('POST', `/api/v1/traffic/captures?${query}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries(csrfHeader())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status === 201) return resolve(body as TrafficCapture);
      const problem = parseProblem(body, request.status, request.getResponseHeader('x-request-id') ?? '');
      if (isSignedOut(problem.code)) reportSignedOut();
      reject(new ApiProblem(problem));
    };
    request.onerror = () => {
      reportUnreachable();
      reject(new ApiProblem(ownProblem('hub_unreachable', capture.name)));
    };
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    request.send(keys ? new Blob([keys, capture]) : capture);
  });
  return { done, cancel: () => request.abort() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
