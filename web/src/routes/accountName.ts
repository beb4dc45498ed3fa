// Whether a text can be an account's name, by the hub's own rule: a label as Kubernetes has it (RFC 1123).

export function isAccountName(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
