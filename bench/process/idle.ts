/** A process that waits: what Node costs at rest. Ends with its standard input. @module */
process.stdin.resume();
process.stdout.write("ready\n");
