// What the pages do beyond plain HTML: count characters, keep ages true, and put
// new posts on the home page. Everything else works without this file.
"use strict";

const byId = (id) => document.getElementById(id);

// The server counts extended grapheme clusters of the text as it would be kept.
function countCharacters() {
  const text = byId("text"), left = byId("left"), said = byId("left-said");
  if (!text || !("Segmenter" in Intl)) return;
  const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });
  const count = (s) => {
    let n = 0;
    for (const _ of clusters.segment(s)) n++;
    return n;
  };
  const show = () => {
    const kept = text.value.replace(/\r\n?|[\u0085\u2028\u2029]/g, "\n").normalize("NFC").trim();
    const rest = Number(text.dataset.max) - count(kept);
    left.textContent = rest < 0 ? `${-rest} too many` : `${rest} left`;
    left.classList.toggle("near", rest <= 20 && rest >= 0);
    left.classList.toggle("over", rest < 0);
    // Said aloud only when it matters, not at every letter.
    said.textContent = rest < 0 || (rest <= 20 && rest % 5 === 0) ? left.textContent : "";
  };
  text.addEventListener("input", show);
  text.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) text.form.requestSubmit();
  });
  show();
}

function keepAges() {
  const day = 24 * 60;
  const show = () => {
    for (const time of document.querySelectorAll(".when time")) {
      const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
      if (minutes < 1 || minutes >= day) continue;
      time.textContent = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
    }
  };
  setInterval(show, 60000);
}

function followLive(feed) {
  const paused = byId("paused"), news = byId("news"), fresh = byId("fresh");
  const title = document.title;
  const held = new Map(); // new posts that wait until the reader wants them, by id
  let last = Number(feed.dataset.after);
  let source, wait = 1000, timer, slow, unread = 0;

  const known = (id) => held.has(id) || byId(`post-${id}`);

  function put(post) {
    const id = Number(post.dataset.id);
    const older = [...feed.querySelectorAll(".post")].find((other) => Number(other.dataset.id) < id);
    if (older) older.before(post);
    else feed.append(post);
    byId("empty")?.remove();
  }

  function take(event) {
    const parsed = document.createElement("template");
    parsed.innerHTML = event.data;
    const post = parsed.content.querySelector(".post");
    if (!post) return;
    const id = Number(post.dataset.id);
    last = Math.max(last, id);
    if (known(id)) return;
    post.classList.add("new");
    if (document.hidden) document.title = `(${++unread}) ${title}`;
    news.textContent = `New post by ${post.querySelector(".shown").textContent}`;
    if (window.scrollY < 240) return put(post);
    held.set(id, post); // putting it in would move what is being read
    fresh.textContent = held.size === 1 ? "1 new post" : `${held.size} new posts`;
    fresh.hidden = false;
  }

  fresh.addEventListener("click", () => {
    if (fresh.dataset.gap) return location.assign("/");
    for (const post of held.values()) put(post);
    held.clear();
    fresh.hidden = true;
    window.scrollTo({ top: 0 });
  });

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`${feed.dataset.live}?after=${last}`);
    source.addEventListener("open", () => {
      clearTimeout(timer);
      clearTimeout(slow);
      slow = undefined;
      paused.hidden = true;
      feed.dataset.state = "open";
      wait = 1000;
    });
    source.addEventListener("post", take);
    source.addEventListener("paused", () => { paused.hidden = false; });
    source.addEventListener("gap", () => {
      fresh.textContent = "There is more: show the newest posts";
      fresh.dataset.gap = "yes";
      fresh.hidden = false;
    });
    source.addEventListener("error", () => {
      feed.dataset.state = "closed";
      clearTimeout(timer);
      if (source.readyState !== EventSource.CLOSED) {
        // It comes back by itself; that is worth a word only if it takes long.
        slow ??= setTimeout(() => { paused.hidden = false; }, 5000); // every try fails anew
        return;
      }
      paused.hidden = false;
      timer = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, 10000);
    });
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  }

  // A browser has few connections for each site, so pages long out of sight give
  // theirs back, and ask for what they missed when they are looked at again.
  let asleep;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(asleep);
    if (document.hidden) {
      asleep = setTimeout(close, 60000);
      return;
    }
    unread = 0;
    document.title = title;
    if (!source) open();
  });
  window.addEventListener("online", open);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (e) => { if (e.persisted && !source) open(); });
  open();
}

countCharacters();
keepAges();
const feed = byId("feed");
if (feed?.dataset.live) followLive(feed);
