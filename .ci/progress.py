"""Turns pip's output on standard input into one line of progress; prints the whole output where pip failed. Argument: how many packages."""

import sys

total, lines, seen = int(sys.argv[1]), [], 0
for line in sys.stdin:
    lines.append(line)
    if line.startswith(("Collecting ", "Requirement already satisfied: ")):
        seen += 1
        name = line.split(":")[-1] if ":" in line else line.removeprefix("Collecting ")
        if sys.stdout.isatty():
            print(f"\r  {seen} of {total}  {name.split('==')[0].split(' (')[0].strip():<40}", end="", flush=True)
        elif seen % 50 == 0:
            print(f"  {seen} of {total}", flush=True)
    elif line.startswith("Installing collected") and sys.stdout.isatty():
        print(f"\r  {'unpacking them, a minute or two':<60}", end="", flush=True)
if sys.stdout.isatty():
    print()
if lines[-1] != "exit 0\n":
    print("".join(lines[:-1]))
    sys.exit(1)
