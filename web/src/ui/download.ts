// Saves a file that the page made, under a name, as a click on a link would.

/** Browsers read the file after the click has returned, some only after they have asked where to put it. */
const keptMs = 60_000;

export function download(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), keptMs);
}
