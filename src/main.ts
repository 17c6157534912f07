#!/usr/bin/env node
/** The command `cairn`: argv → command → exit status. Ends the process even if a connection or a thread is left. */
import { runProgram } from './cli/program.js';

process.exit(await runProgram(process.argv.slice(2)));
