// A PostgreSQL of the test's own: a server in a folder of its own on a Unix socket, gone when the test ends.
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

const debian = '/usr/lib/postgresql';
function programs() {
  const folders = existsSync(debian)
    ? readdirSync(debian)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `${debian}/${version}/bin`)
    : [];
  const found = folders.find((folder) => existsSync(`${folder}/initdb`));
  if (!found) throw new Error('PostgreSQL is missing: apt-get install postgresql');
  return found;
}

// PostgreSQL refuses to run as root. The shell stands over the server and reads our pipe: however this process
// ends, the pipe closes, and the server goes with it.
const script = `
set -eu
directory=$(mktemp -d /tmp/sallyport-postgres.XXXXXX)
cd "$directory"
finish() { "$1/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1 || :; cd /; rm -rf "$directory"; }
trap 'finish "$1"' EXIT
trap 'exit 1' INT TERM HUP
if ! { "$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 &&
  printf "listen_addresses = ''\\nunix_socket_directories = '%s'\\nmax_connections = 200\\n" "$directory" >>data/postgresql.conf &&
  "$1/pg_ctl" -D data -l log -w start; } >said 2>&1
then cat said log >&2 || :; exit 1; fi
echo "$directory"
cat >/dev/null
`;

/** Starts a server with one empty database. */
export async function startPostgres() {
  const asUser = process.getuid() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'] : [];
  const bin = programs();
  const [command, ...args] = [...asUser, 'sh', '-c', script, 'postgres-for-tests', bin];
  // A group of its own: Ctrl-C ends the tests, and the closing pipe then ends the server in good order.
  const child = spawn(command, args, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const directory = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said}`)));
  });
  const url = `postgres://postgres@localhost/postgres?host=${directory}`;
  const control = (...words) => {
    const [program, ...rest] = [...asUser, `${bin}/pg_ctl`, '-D', `${directory}/data`, '-w', ...words];
    return run(program, rest, { cwd: '/' });
  };
  return {
    url,
    /** Does one statement as the database's owner; what it answers, unaligned. */
    sql: async (statement) => (await run(`${bin}/psql`, ['-qtA', '-c', statement, url])).stdout.trim(),
    /** As a power cut would. */
    cut: () => control('-m', 'immediate', 'stop'),
    resume: () => control('-l', `${directory}/log`, 'start'),
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', resolve);
        child.stdin.end();
      }),
  };
}
