#!/usr/bin/env node
// The Solidity compiler from npm behind the two calls that Brownie, forge and Slither make:
// `--version`, and `--standard-json` with the input on stdin. It reads files only beneath the
// current directory and the given --base-path/--include-path, and never the network.
"use strict";

const fs = require("fs");
const path = require("path");

const home = fs.realpathSync(__filename);
const compiler = path.resolve(path.dirname(home), "../../node_modules/solc");
const words = process.argv.slice(2);
const solc = require(compiler);

function searchPaths() {
  const paths = [process.cwd()];
  for (let i = 0; i < words.length; i += 1) {
    if (words[i] === "--base-path" || words[i] === "--include-path") paths.push(words[i + 1]);
  }
  return paths;
}

function readSource(name) {
  for (const folder of searchPaths()) {
    const file = path.resolve(folder, name);
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `File not found: ${name}` };
}

if (words.includes("--version")) {
  const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${version}`);
} else if (words.includes("--standard-json")) {
  const output = solc.compile(fs.readFileSync(0, "utf8"), { import: readSource });
  process.stdout.write(output);
} else {
  console.error("only --version and --standard-json are answered");
  process.exit(1);
}
