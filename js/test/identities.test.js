// Sealed keys, and what opens them.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, after, test } from "node:test";
import { inspect } from "node:util";
import * as advparams from "advparams";
import {
  Encrypter,
  armor,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";

const VECTOR = new URL("../../testdata/vectors/keys/float32/", import.meta.url);
const model = new URL("locked.onnx", VECTOR);

let scratch;
let original;
let payload;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "advparams-"));
  original = await readFile(new URL("original/model.onnx", VECTOR));
  const plain = await readFile(new URL("model.key", VECTOR));
  payload = plain.subarray(plain.indexOf("\n", plain.indexOf("\n") + 1) + 1);
});
after(() => rm(scratch, { recursive: true }));

async function sealTo(...recipients) {
  const e = new Encrypter();
  for (const r of recipients) e.addRecipient(r);
  return e.encrypt(payload);
}

async function sealWith(passphrase, logN = 10) {
  const e = new Encrypter();
  e.setPassphrase(passphrase);
  e.setScryptWorkFactor(logN);
  return e.encrypt(payload);
}

const wrong = (e) => e instanceof advparams.WrongIdentity && e.hint !== "";

test("identities as texts, files, bytes and objects", async () => {
  const me = await generateX25519Identity();
  const other = await generateX25519Identity();
  const recipient = await identityToRecipient(me);
  const key = await sealTo(await identityToRecipient(other), recipient);
  const file = join(scratch, "me.txt");
  const text = `# created: today\n# public key: ${recipient}\n\n${me}\r\n`;
  await writeFile(file, text);
  const another = await generateX25519Identity();
  const ways = [
    me,
    text,
    file,
    new URL(`file://${file}`),
    Buffer.from(text),
    new Blob([text]),
    [another, me],
  ];
  for (const identity of ways) {
    assert.ok(original.equals(await advparams.unlock(model, key, identity)), String(identity));
  }
  const info = await advparams.inspectKey(key, file);
  assert.deepEqual([info.opened, info.recipients, info.armored], [true, ["X25519", "X25519"], false]);
  for (const identity of [undefined, [], another, new advparams.Passphrase("x")]) {
    await assert.rejects(advparams.unlock(model, key, identity), wrong);
  }
  await assert.rejects(advparams.inspectKey(key, another), wrong);
});

test("post-quantum identities", async () => {
  const me = await generateHybridIdentity();
  const key = await sealTo(await identityToRecipient(me));
  assert.deepEqual((await advparams.inspectKey(key)).recipients, ["mlkem768x25519"]);
  assert.ok(original.equals(await advparams.unlock(model, key, me)));
  await assert.rejects(advparams.unlock(model, key, await generateHybridIdentity()), wrong);
});

test("an identity of one's own, as of a secret store", async () => {
  const asked = [];
  const identity = {
    unwrapFileKey(stanzas) {
      asked.push(...stanzas.map((s) => s.args[0]));
      return null;
    },
  };
  const key = await sealTo(await identityToRecipient(await generateX25519Identity()));
  await assert.rejects(advparams.unlock(model, key, identity), wrong);
  assert.deepEqual(asked, ["X25519"]);
});

test("passphrases, in armor too", async () => {
  const key = await sealWith("correct horse battery staple", 11);
  const right = new advparams.Passphrase("correct horse battery staple");
  for (const k of [
    key,
    armor.encode(key),
    Buffer.from(armor.encode(key)),
    new Blob(["\n\n" + armor.encode(key)]),
  ]) {
    assert.ok(original.equals(await advparams.unlock(model, k, right)));
    const info = await advparams.inspectKey(k);
    assert.deepEqual([info.recipients, info.workFactor, info.armored], [["scrypt"], 11, k !== key]);
  }
  for (const identity of [undefined, new advparams.Passphrase("wrong"), await generateX25519Identity()]) {
    await assert.rejects(advparams.unlock(model, key, identity), wrong);
  }
  const limited = advparams.unlock(model, key, right, { maxWorkFactor: 10 });
  await assert.rejects(limited, advparams.TooMuchWork);
  assert.ok(!inspect(right).includes("horse") && !JSON.stringify(right).includes("horse"));
});

test("the browser's scrypt gives the same", async () => {
  const web = await import("../dist/platform/web.js");
  const node = await import("../dist/platform/node.js");
  const [passphrase, salt] = [Buffer.from("passphrase"), Buffer.from("salt")];
  assert.deepEqual(
    Buffer.from(await web.scrypt(passphrase, salt, 10)),
    await node.scrypt(passphrase, salt, 10),
  );
});

test("identities that cannot be used say why", async () => {
  const key = await sealTo(await identityToRecipient(await generateX25519Identity()));
  const cases = [
    ["-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", /SSH keys/],
    ["AGE-PLUGIN-YUBIKEY-1QQQ", /plugins/],
    ["AGE-SECRET-KEY-1QQQQ", /cannot be read/],
    ["# only a comment\n", /cannot be read/],
    [Buffer.from("age-encryption.org/v1\n-> scrypt"), /encrypted itself/],
  ];
  for (const [identity, problem] of cases) {
    await assert.rejects(advparams.unlock(model, key, identity), (e) => {
      assert.ok(wrong(e), e.stack);
      assert.match(e.message, problem);
      assert.ok(!e.message.includes("QQQ"), "an error quotes a secret");
      return true;
    });
  }
});

test("files that do not exist", async () => {
  const key = new URL("model.key", VECTOR);
  const missing = join(scratch, "missing");
  await assert.rejects(advparams.unlock(missing, key), (e) => e instanceof advparams.WrongModel);
  await assert.rejects(advparams.unlock(model, missing), { code: "ENOENT" });
  await assert.rejects(advparams.unlock(model, await sealWith("x"), missing), { code: "ENOENT" });
});

test("an age file of a later version", async () => {
  const key = Buffer.from(await sealWith("x"));
  key[key.indexOf("v1") + 1] = "2".charCodeAt(0);
  await assert.rejects(advparams.inspectKey(key), advparams.NewerKey);
});
