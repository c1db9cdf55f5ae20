// SPDX-License-Identifier: GPL-3.0-or-later
//
// hdr_reference.mjs - our histogram log, read by a reference implementation of HdrHistogram
//
// Usage: node hdr_reference.mjs PATH-OF-hdr_reference_write
//
// The program writes a log and tells on standard output what our library says of it. Here the log
// is read by the npm package hdr-histogram-js, and totals, percentiles, times and the encoded
// octets themselves are compared exactly. Prints TAP. meson runs it where node and the package are
// found; `npm ci --prefix tests` installs the package as pinned in tests/package-lock.json.
// VOLLEY_TEST_SEED=N repeats a run.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";

const require = createRequire(new URL("../package.json", import.meta.url));
const { HistogramLogReader, build, encodeIntoCompressedBase64, listTags } =
  require("hdr-histogram-js");

const seed = process.env.VOLLEY_TEST_SEED ?? String(Date.now());
console.log(`# VOLLEY_TEST_SEED=${seed}`);

let count = 0;
let failures = 0;

function check(name, differences) {
  count++;
  const failed = differences.length > 0;
  failures += failed ? 1 : 0;
  console.log(`${failed ? "not ok" : "ok"} ${count} - ${name}`);
  for (const difference of differences.slice(0, 10)) console.log(`#   ${difference}`);
}

// What stands behind base64 and zlib: cookie, length, digits, bounds and the counts' octets. The
// index offset and the conversion ratio (octets 8 to 11 and 32 to 39) are left out: this reference
// writes 1 and an integer there, where the format has 0 and a floating-point 1.0.
function contentOf(blob) {
  const packed = Buffer.from(blob, "base64");
  if (packed.readUInt32BE(0) !== 0x1c849314) throw new Error("not a compressed V2 histogram");
  if (packed.readUInt32BE(4) !== packed.length - 8) throw new Error("wrong compressed length");
  const payload = inflateSync(packed.subarray(8));
  return Buffer.concat([payload.subarray(0, 8), payload.subarray(12, 32), payload.subarray(40)]);
}

function compare(histogram, facts) {
  const differences = [];
  const expect = (what, got, wanted) => {
    if (got !== wanted) differences.push(`${what}: the reference says ${got}, we ${wanted}`);
  };
  expect("total", histogram.totalCount, facts.total);
  if (facts.total === 0) return differences;
  for (const [percentile, value] of facts.percentiles) {
    // Ours is never above the exact maximum, which the encoding does not carry.
    const found = Math.min(histogram.getValueAtPercentile(percentile), facts.max);
    expect(`p${percentile}`, found, value);
  }
  expect("maximum's place", histogram.maxValue, histogram.highestEquivalentValue(facts.max));
  if (Math.abs(histogram.mean - facts.mean) > facts.mean / 1000)
    differences.push(`mean: the reference says ${histogram.mean}, we ${facts.mean}`);
  return differences;
}

function emptyHistogram() {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3600000000,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
  });
}

const folder = mkdtempSync(join(tmpdir(), "volley-hdr-"));
try {
  const path = join(folder, "test.hlog");
  const facts = JSON.parse(
    execFileSync(process.argv[2], [path, seed], { encoding: "utf8", maxBuffer: 1 << 24 }),
  );
  const log = readFileSync(path, "utf8");
  const lines = log.split("\n").filter((line) => /^(Tag=|-?[0-9])/.test(line));
  const reader = new HistogramLogReader(log, 64);
  const wholes = new Map();

  check(
    "one line for each interval",
    lines.length === facts.intervals.length ? [] : [`${lines.length} lines`],
  );
  const tags = [...new Set(facts.intervals.map((f) => f.tag))];
  check(
    "tags are listed",
    tags
      .filter((tag) => !listTags(log).includes(tag || "NO TAG"))
      .map((tag) => `${tag} is missing`),
  );
  for (const [index, wanted] of facts.intervals.entries()) {
    const name = `interval ${index} ${wanted.tag || "(no tag)"}`;
    const histogram = reader.nextIntervalHistogram();
    if (!histogram) {
      check(name, ["the reference found no such interval"]);
      continue;
    }
    const differences = compare(histogram, wanted);
    const tag = histogram.tag === "NO TAG" ? "" : histogram.tag;
    if (tag !== wanted.tag) differences.push(`tag ${tag}`);
    const startMs = Math.round((facts.start_s + wanted.start_s) * 1000);
    if (Math.round(histogram.startTimeStampMsec) !== startMs)
      differences.push(`start ${histogram.startTimeStampMsec}, not ${startMs}`);
    const lengthMs = Math.round(histogram.endTimeStampMsec - histogram.startTimeStampMsec);
    if (lengthMs !== Math.round(wanted.length_s * 1000)) differences.push(`length ${lengthMs} ms`);

    const fields = lines[index].replace(/^Tag=[^,]*,/, "").split(",");
    if (fields.length !== 4) differences.push(`${fields.length} fields`);
    if (Math.round(Number(fields[2]) * 1000) !== wanted.max)
      differences.push(`Interval_Max ${fields[2]} ms, not ${wanted.max} us`);
    if (!contentOf(fields[3]).equals(contentOf(encodeIntoCompressedBase64(histogram))))
      differences.push("the reference encodes the same histogram in other octets");
    check(name, differences);

    if (!wholes.has(wanted.tag)) wholes.set(wanted.tag, emptyHistogram());
    wholes.get(wanted.tag).add(histogram);
  }
  check("nothing follows the last interval", reader.nextIntervalHistogram() ? ["another"] : []);
  for (const wanted of facts.whole)
    check(`all of ${wanted.tag || "(no tag)"}`, compare(wholes.get(wanted.tag), wanted));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`1..${count}`);
process.exitCode = failures > 0 ? 1 : 0;
