/**
 * A page's explorers: gives each `.explorer` of the document a host (the kernels as WebAssembly in a worker)
 * and renders it with explorer.mjs. A classic script, run after number.js and address.js and after EXPLORER_WASM
 * (base64, deflated), EXPLORER_MODULE, EXPLORER_TABLE and EXPLORER_STYLE (text) are set: modules and fetch do not work from
 * file://, imports from a Blob do.
 */
(() => {
  "use strict";

  const AHEAD = "600px"; // explorers begin when they are this near to being seen
  const REST = 300; // ms that the state must rest before the address bar follows: browsers allow few changes

  /** @param {string} text */
  const blob = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));

  /**
   * A function that does its work at the first call, and gives the same result ever after.
   * @template T
   * @param {() => T} work
   */
  function once(work) {
    /** @type {T | undefined} */
    let done;
    return () => done ??= work();
  }

  const userInterface = once(() => import(blob(globalThis.EXPLORER_MODULE)));
  const workerSource = once(() => blob(`${readNumber}\n${globalThis.EXPLORER_TABLE}(${worker})()`));
  const kernels = once(async () => {
    const bytes = Uint8Array.from(atob(globalThis.EXPLORER_WASM), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return WebAssembly.compile(await new Response(stream).arrayBuffer()); // once for all workers
  });

  /** @param {unknown} error */
  const messageOf = (error) => error instanceof Error ? error.message : `${error}`;

  /** The worker's program. It answers the messages that explorer.mjs describes. */
  function worker() {
    const SLICE = 4; // ms of the long part before a message is answered
    const SHOW = 40; // ms of it between two pictures
    const ticks = new MessageChannel(); // lets messages in between slices; setTimeout would wait 4 ms
    const scope = /** @type {WorkerScope} */ (/** @type {unknown} */ (self));
    /** @type {Setup} */
    let setup;
    /** @type {WebAssembly.Module} */
    let module;
    /** @type {Kernels | undefined} */
    let exports;
    /** @type {Job | undefined} */
    let run;
    /** @type {ArrayLike<number>} */
    let data;
    /** @type {Opening | undefined} the reader's file while its spectrum is computed, */
    let opening;
    /** @type {number[] | undefined} and a start that waits for that */
    let waiting;
    let going = false;
    let ticking = false;
    let shown = 0; // when the last picture was sent

    /**
     * Place p, data and work behind the module's own memory, and start the kernels of `name`.
     * @param {string} name
     * @param {number[]} values
     * @param {ArrayLike<number>} data
     * @returns {Job}
     */
    function begin(name, values, data) {
      exports ??= /** @type {Kernels} */ (/** @type {unknown} */ (
        new WebAssembly.Instance(module, /** @type {any} */ ({ Math })).exports));
      const { memory, __heap_base: heap } = exports;
      /** @type {Record<string, (...given: number[]) => number>} */
      const kernels = exports;
      /**
       * @param {number} start
       * @param {number} length
       */
      const doubles = (start, length) => {
        const missing = start + 8 * length - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / 65536));
        return new Float64Array(memory.buffer, start, length);
      };
      const base = 16 * Math.ceil(heap.value / 16);
      doubles(base, values.length).set(values);
      doubles(base + 8 * values.length, data.length).set(data);
      const given = [base, values.length, base + 8 * values.length, data.length];
      const [start, length] = [base + 8 * (values.length + data.length), kernels[`${name}_size`](...given)];
      doubles(start, length).fill(0);
      const status = kernels[`${name}_start`](...given, start, length);
      return { values, status, fraction: status < 0 ? 1 : 0,
        advance: () => kernels[`${name}_advance`](...given, start, length),
        output: (size) => doubles(start, size).slice() };
    }

    /**
     * Do `step` and answer, in the middle of a run only now and then; what it throws is an answer too.
     * @param {number[]} values
     * @param {() => Job} step gives the run that it started or carried on
     */
    function attempt(values, step) {
      try {
        run = step();
        const { status, fraction } = run;
        if (fraction === 0 || fraction === 1 || performance.now() > shown + SHOW) {
          const { buffer } = run.output(setup.outputSize);
          scope.postMessage([{ values, status, fraction }, [buffer]], [buffer]);
          shown = performance.now();
        }
      } catch (error) {
        run = exports = undefined; // the next start finds a clean memory
        scope.postMessage([{ values, error: messageOf(error) }, []]);
      }
      tick();
    }

    /** @param {unknown} error */
    function messageOf(error) {
      return error instanceof Error ? error.message : `${error}`;
    }

    /** Go on after the messages that wait. */
    function tick() {
      going &&= run !== undefined && run.fraction < 1;
      if (!(going || opening) || ticking) return;
      ticking = true;
      ticks.port2.postMessage(0);
    }

    /** @param {Job} job */
    const slice = (job) => {
      const end = performance.now() + SLICE;
      while (job.fraction < 1 && performance.now() < end) {
        const told = job.advance();
        job.fraction = told % 2;
        job.status |= Math.floor(told / 2);
      }
      return job;
    };

    ticks.port1.onmessage = () => {
      ticking = false;
      if (opening) digest(opening, ({ job }) => job && slice(job));
      else if (going && run) {
        const job = run;
        attempt(job.values, () => slice(job));
      }
    };

    /**
     * Take the reader's file, or without one return to the page's own data. The data in use stays until it is read.
     * @param {{ name: string, bytes?: ArrayBuffer }} message
     */
    function open({ name, bytes }) {
      going = false;
      if (!name || !bytes) {
        data = setup.data;
        scope.postMessage([{ file: "", fraction: 1 }, []]);
        return;
      }
      opening = { name, words: "" };
      digest(opening, (file) => {
        const { rows, columns, values, spacing, hint } = readTable(name, bytes, setup.table);
        file.hint = hint;
        if (rows === 1 || columns === 1) file.spectrum = readSpectrum(name, values);
        else file.job = begin("table", [rows, columns, spacing], values);
        file.words = rows === 1 || columns === 1 ? "list of" : `${rows} samples of ${columns} features,`;
      });
    }

    /**
     * Do `step` of opening a file, and answer; at the end its spectrum is the data.
     * @param {Opening} file
     * @param {(file: Opening) => void} step
     */
    function digest(file, step) {
      const { name } = file;
      try {
        step(file);
        const { job } = file;
        if (job && job.fraction >= 1) {
          const [count] = job.output(1);
          if (count < 2) throw new Error(`${name}: the samples vary in ${count} directions: must vary in at least 2`);
          file.spectrum = job.output(1 + count).subarray(1);
        }
        const { spectrum, words, hint } = file;
        if (spectrum) {
          data = spectrum;
          opening = undefined;
        }
        // a worker that follows this one begins with the data
        scope.postMessage([{ file: name, fraction: spectrum || !job ? 1 : job.fraction,
          words: spectrum && `${words} ${spectrum.length} eigenvalues${hint ? `; ${hint}` : ""}` },
        spectrum ? [spectrum.slice().buffer] : []]);
      } catch (error) {
        opening = exports = undefined;
        const message = messageOf(error);
        scope.postMessage([{ file: name, error: file.hint ? `${message} (${file.hint})` : message }, []]);
      }
      if (!opening && waiting) launch(waiting);
      tick();
    }

    /** @param {number[]} values */
    function launch(values) {
      waiting = undefined;
      attempt(values, () => begin(setup.name, values, data));
    }

    scope.onmessage = ({ data: message }) => {
      going = message.do === "resume";
      if (message.do === "load") {
        setup = message;
        data = message.own ?? message.data;
        module = message.module;
      } else if (message.do === "start") {
        waiting = message.values;
        if (!opening) launch(waiting); // the two would share their memory
      } else if (message.do === "open") {
        open(message);
      } else {
        tick();
      }
    };
  }

  /**
   * What explorer.mjs needs of anywidget's model, with a worker behind its messages.
   * @implements {Host}
   */
  class Model {
    #spec; #key;
    /** @type {Record<string, any>} */
    #values;
    /** @type {Omit<Setup, "module">} */
    #setup;
    /** @type {Worker | undefined} */
    #worker;
    /** @type {number[]} those of the newest start */
    #asked = [];
    #waiting = false; // for its answer
    #opening = false; // whether the worker reads the reader's file
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {Record<string, ((...details: any[]) => void)[]>} */
    #listeners = {};

    /**
     * @param {string} address
     * @param {{ spec: Spec, values: Values, data: number[] }} content
     */
    constructor(address, { spec, values, data }) {
      this.address = address;
      this.#key = `explorer ${location.pathname} ${address}`;
      this.#spec = spec;
      this.#values = { ...values, _pins: [], _hidden: [], _more: false };
      this.#setup = { name: spec.name, data, outputSize: spec.output_size, table: spec.table };
    }

    /**
     * @param {string} name
     * @returns {any}
     */
    get(name) { return name === "_spec" ? this.#spec : this.#values[name]; }

    /**
     * @param {string} name
     * @param {any} value
     */
    set(name, value) {
      if (this.#values[name] === value) return;
      this.#values[name] = value;
      this.#tell(`change:${name}`);
    }

    /** Keep the state for a reload, and an address bar that shows this explorer's state up to date. */
    save_changes() {
      try { // a page may be forbidden to keep anything
        sessionStorage.setItem(this.#key, this.#state());
      } catch { /* then a reload begins anew */ }
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        const { explorer, state } = readAddress(location.hash);
        if (explorer === this.address && state) this.link();
      }, REST);
    }

    /** The state that was kept before this page was loaded again, "" where there is none. */
    kept() {
      const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
      if (!["reload", "back_forward"].includes(visit?.type)) return "";
      try {
        return sessionStorage.getItem(this.#key) ?? "";
      } catch {
        return "";
      }
    }

    #state() { return writeState(this.#values, this.#setup.own !== undefined); }

    /**
     * @param {string} event
     * @param {(...details: any[]) => void} listener
     */
    on(event, listener) { (this.#listeners[event] ??= []).push(listener); }

    /**
     * @param {string} event
     * @param {(...details: any[]) => void} listener
     */
    off(event, listener) {
      this.#listeners[event] = (this.#listeners[event] ?? []).filter((other) => other !== listener);
    }

    /**
     * @param {string} event
     * @param {...any} details
     */
    #tell(event, ...details) { this.#listeners[event]?.forEach((listener) => listener(...details)); }

    /**
     * @param {Ask} message
     * @param {undefined} [_]
     * @param {ArrayBuffer[]} [buffers]
     */
    send(message, _, [buffer] = []) {
      if (message.do === "start") {
        if (this.#waiting && !this.#opening) this.#dismiss(); // the older values have had their time: see run.mjs
        this.#asked = message.values;
        this.#waiting = true;
      } else if (message.do === "open") {
        this.#opening = true;
      }
      const worker = this.#worker ??= this.#hire();
      kernels().then(
        () => worker.postMessage(buffer ? { ...message, bytes: buffer } : message, buffer ? [buffer] : []),
        (error) => this.#hear({ values: this.#asked, error: messageOf(error) }, []));
    }

    /** A worker, which starts while the kernels are compiled, and gets them before all that is sent to it. */
    #hire() {
      const hired = new Worker(workerSource());
      hired.onmessage = ({ data: [message, buffers] }) => {
        if (hired === this.#worker) this.#hear(message, buffers);
      };
      hired.onerror = (event) => {
        this.#dismiss();
        this.#hear({ values: this.#asked, error: event.message || "the worker stopped" }, []);
      };
      kernels().then((module) => hired.postMessage({ do: "load", ...this.#setup, module }), () => {}); // see send
      return hired;
    }

    /** End the worker; what is sent next gets a new one. */
    #dismiss() {
      this.#worker?.terminate();
      this.#worker = undefined;
      this.#opening = false;
    }

    /**
     * @param {RunAnswer | FileAnswer} message
     * @param {ArrayBuffer[]} buffers
     */
    #hear(message, buffers) {
      if (!("file" in message)) {
        this.#waiting = false;
      } else if (message.error !== undefined) {
        this.#opening = false;
      } else if (message.fraction === 1) {
        this.#opening = false;
        this.#setup.own = buffers[0] && new Float64Array(buffers[0]);
        this.save_changes();
      }
      this.#tell("msg:custom", message, buffers.map((buffer) => new DataView(buffer)));
    }

    /** The page's address with the present state, which the address bar shows from now on. */
    link() {
      history.replaceState(history.state, "", `#${this.address}:${this.#state()}`);
      return location.href;
    }

    /**
     * Take a state as an address has it.
     * @param {string} state
     * @returns {string[]} what the reader should know of it
     */
    follow(state) {
      const { values, own, unread } = readState(state, this.#spec, this.#values);
      for (const [name, value] of Object.entries(values)) this.set(name, value);
      const said = [];
      if (unread.length) {
        said.push(`Of the address of this page, “${unread.join(", ")}” could not be read; the rest was.`);
      }
      if (own && !this.#setup.own) {
        said.push("This state was made with a file of the reader’s own, which no address holds: the data shown is "
          + "the page’s. Open the file again to see what it was made for.");
      }
      return said;
    }
  }

  /**
   * Bring the explorer of an element to life, in the state that it had before a reload.
   * @param {HTMLElement} root
   * @param {Model} model
   */
  async function start(root, model) {
    kernels().catch(() => {}); // compiled meanwhile; what is wrong with them is said by who asks for them
    try {
      const { default: { render } } = await userInterface();
      render({ model, el: root });
    } catch (error) { // the static picture stays
      root.append(`This explorer could not start here: ${messageOf(error)}`);
      return;
    }
    const state = model.kept();
    if (state) say(root, model.follow(state));
  }

  const style = document.createElement("style");
  style.textContent = globalThis.EXPLORER_STYLE;
  document.head.append(style);

  /** @type {Map<string, { root: HTMLElement, model: Model, started: () => Promise<void> }>} by address */
  const explorers = new Map();
  for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".explorer[data-explorer]"))) {
    const name = root.dataset.explorer ?? "";
    let address = name;
    for (let count = 2; explorers.has(address); count++) address = `${name}-${count}`;
    const model = new Model(address, JSON.parse(root.querySelector("script")?.textContent ?? ""));
    explorers.set(address, { root, started: once(() => start(root, model)), model });
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const { root, started } of explorers.values()) {
      if (entries.some((entry) => entry.isIntersecting && entry.target === root)) started();
    }
  }, { rootMargin: AHEAD });
  for (const { root } of explorers.values()) watcher.observe(root);

  /**
   * Show the explorer and the state that an address names, and say what of it cannot be read.
   * @param {string} hash
   * @param {HTMLElement} [from] the phrase of the text that was clicked
   */
  async function follow(hash, from) {
    const { explorer: address, state } = readAddress(hash);
    const explorer = explorers.get(address);
    if (!explorer) {
      const article = document.querySelector("article") ?? document.body;
      if (state) say(article, [`This page has no explorer “${address}”: the address may be of another version.`]);
      return;
    }
    const { root, model, started } = explorer;
    await started();
    say(root, state ? model.follow(state) : []);
    root.dispatchEvent(new CustomEvent("explorer:go", { detail: from }));
  }

  /**
   * Say what there is to say of an address, in the place of what was said of another.
   * @param {Element} where
   * @param {string[]} sentences
   */
  function say(where, sentences) {
    where.querySelector(".ex-address")?.remove();
    if (!sentences.length) return;
    const said = document.createElement("p");
    said.className = "ex-problem ex-address";
    said.setAttribute("role", "alert");
    said.textContent = sentences.join(" ");
    where.prepend(said);
  }

  addEventListener("hashchange", () => follow(location.hash));
  follow(location.hash);

  // Phrases of the text become links to states; without this script they are words.
  for (const phrase of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("span.play"))) {
    const link = document.createElement("a");
    link.className = "play";
    link.href = `#${phrase.dataset.play}`;
    link.append(...phrase.childNodes);
    phrase.replaceWith(link);
    link.parentElement?.removeAttribute("hidden"); // a claim's
  }
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a.play") : null;
    if (!(link instanceof HTMLAnchorElement) || !link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault(); // the address stays; clicked again it does the same again
    follow(link.hash, link);
  });
  for (const type of /** @type {const} */ (["dragover", "drop"])) { // a file beside an explorer leaves the page there
    addEventListener(type, (event) => {
      if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    });
  }
})();
