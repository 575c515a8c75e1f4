"""The cases of a corpus and the lists that say which of them are expected to differ.

A corpus is a folder of AREA.json files, each a list of cases; a case is called AREA__NAME.
A list has a line per case, `AREA__NAME  reason`; `#` starts a comment. A listed case that passes is a failure of
the list: it keeps the list honest.
"""
import glob, json, os, re


def load(folder, pattern=''):
    """(called, case) for every case whose name matches the regular expression, in order."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, '*.json'))):
        area = os.path.basename(path)[:-5]
        found += [('%s__%s' % (area, c['name']), c) for c in json.load(open(path))]
    return [f for f in found if re.search(pattern, f[0])]


def expected(paths):
    """called -> reason, from the lists."""
    listed = {}
    for path in paths or ():
        for line in open(path):
            name, _, reason = line.split('#', 1)[0].strip().partition(' ')
            if name:
                listed[name] = reason.strip() or 'no reason given'
    return listed


def verdict(results, listed):
    """Prints failures that are not listed and listed cases that pass; counts. results: called -> '' | 'skip' | difference."""
    bad = 0
    for called, difference in results.items():
        if difference == 'skip':
            continue
        if difference and called not in listed:
            print('FAIL %s :: %s' % (called, difference.replace('\n', '\\n')), flush=True)
            bad += 1
        if not difference and called in listed:
            print('FAIL %s :: passes, but is listed as "%s": take it off the list' % (called, listed[called]), flush=True)
            bad += 1
    skipped = sum(d == 'skip' for d in results.values())
    differ = sum(bool(d) and d != 'skip' and c in listed for c, d in results.items())
    print('%d as recorded, %d as listed, %d of %d cases' % (sum(not d for d in results.values()), differ, len(results) - skipped, len(results)))
    print('%d passed, %d failed, %d skipped' % (len(results) - skipped - bad, bad, skipped))
    return 1 if bad else 0
