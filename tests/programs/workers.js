// Timers, files, child processes (node itself too), worker threads, a caught exception, an exit code.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { execFileSync, spawnSync } = require('child_process');
const { Worker } = require('worker_threads');

function work(n) {
  return new Promise((resolve, reject) => {
    const code = 'const { parentPort, workerData } = require("worker_threads"); parentPort.postMessage(workerData * workerData);';
    const worker = new Worker(code, { eval: true, workerData: n });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

async function main() {
  await new Promise((resolve) => setTimeout(resolve, 5));
  console.log('timer');
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'workers-'));
  fs.writeFileSync(path.join(directory, 'file'), 'content\n');
  console.log(fs.readdirSync(directory), fs.readFileSync(path.join(directory, 'file'), 'utf8'));
  fs.rmSync(directory, { recursive: true });
  console.log(execFileSync('echo', ['from', 'a', 'child']).toString());
  console.log(spawnSync(process.execPath, ['-e', 'console.log("node in node"); process.exit(9)']).status);
  console.log(await Promise.all([1, 2, 3].map(work)));
  try {
    null.property;
  } catch (error) {
    console.log(error.name);
  }
  console.log(path.basename(process.execPath), process.argv.length, process.argv.slice(2));
  console.error('to stderr');
  process.exitCode = 4;
}

main();
