// Halftone: an id for this device, with consent alone. Served by the gateway at /.well-known/halftone/fingerprint.js.
//
//   <script src="/.well-known/halftone/fingerprint.js"></script>
//   <script>halftone.consent()</script>      once the visitor has said yes; resolves to whether an id was given
//   halftone.withdraw()                      when the visitor takes it back
//
// Nothing is read, drawn or sent before consent() is called, or where Global Privacy Control says no. What is sent are
// short words of three features; the gateway keeps none of them, and this page can read neither them nor the id.
(() => {
  "use strict";
  const place = "/.well-known/halftone/fingerprint";
  const words = (text) => String(text || "").split(/[^A-Za-z0-9._-]+/).filter(Boolean);
  const cut = (list) => [...new Set(list.map((word) => String(word).slice(0, 60)))].slice(0, 150);

  function agent() {
    const found = words(navigator.userAgent);
    const data = navigator.userAgentData;
    if (data) {
      found.push("platform:" + data.platform, "mobile:" + data.mobile);
      for (const one of data.brands || []) {
        // The brand that browsers make up anew with each version tells nothing.
        if (!/not/i.test(one.brand)) found.push("brand:" + one.brand.replace(/[^A-Za-z0-9]+/g, "-"));
      }
    }
    return cut(found);
  }

  // How much ink lies in each cell of a drawn text, and how wide it is in several fonts.
  function canvas() {
    const [columns, rows, cell] = [24, 4, 12];
    const element = document.createElement("canvas");
    [element.width, element.height] = [columns * cell, rows * cell];
    const pen = element.getContext("2d", { willReadFrequently: true });
    if (!pen) return [];
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, element.width, element.height);
    pen.fillStyle = "#000";
    pen.textBaseline = "top";
    pen.font = "17px sans-serif";
    pen.fillText("Halftone gyQ& \u6d4b\u8bd5 \u{1f600} 0123", 2, 3);
    pen.font = "italic 15px serif";
    pen.fillText("Sphinx of black quartz, \u00e9\u00df\u0416", 2, 26);
    const found = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const { data } = pen.getImageData(column * cell, row * cell, cell, cell);
        let ink = 0;
        for (let at = 0; at < data.length; at += 4) ink += 765 - data[at] - data[at + 1] - data[at + 2];
        const level = Math.round((ink / (cell * cell * 765)) * 200);
        if (level > 0) found.push(`c${row}.${column}:${level}`);
      }
    }
    for (const font of ["sans-serif", "serif", "monospace", "system-ui", "Arial", "Georgia", "Noto Sans CJK SC", "PingFang SC"]) {
      pen.font = `32px "${font}", monospace`;
      if (/^(sans-serif|serif|monospace|system-ui)$/.test(font)) pen.font = `32px ${font}`;
      found.push(`w${font.replace(/ /g, "-")}:${pen.measureText("mmMwWLli10Oo\u4f60\u597d").width.toFixed(2)}`);
    }
    return cut(found);
  }

  const fragment = `precision highp float;
    uniform vec2 size;
    void main() {
      vec2 p = gl_FragCoord.xy / size;
      float wave = sin(p.x * 41.7 + cos(p.y * 23.1) * 7.3) * exp(-p.x * p.y) + pow(p.x + 0.013, 0.37);
      float grain = fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453);
      float bent = atan(p.y - 0.51, p.x - 0.49) * inversesqrt(p.x * p.x + 0.07);
      gl_FragColor = vec4(fract(wave * 3.1), grain, fract(bent * 2.3), 1.0);
    }`;

  // What the hardware is called, what it can, and what it makes of a shader that no two makers round alike.
  function webgl() {
    const side = 64;
    const element = document.createElement("canvas");
    [element.width, element.height] = [side, side];
    const gl = element.getContext("webgl", { antialias: false, preserveDrawingBuffer: true });
    if (!gl) return [];
    const named = gl.getExtension("WEBGL_debug_renderer_info");
    const found = [];
    const renderer = gl.getParameter(named ? named.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
    const vendor = gl.getParameter(named ? named.UNMASKED_VENDOR_WEBGL : gl.VENDOR);
    words(renderer).forEach((word) => found.push("renderer:" + word));
    words(vendor).forEach((word) => found.push("vendor:" + word));
    for (const name of ["MAX_TEXTURE_SIZE", "MAX_VIEWPORT_DIMS", "ALIASED_POINT_SIZE_RANGE", "MAX_VARYING_VECTORS"]) {
      found.push(`${name}:${[].concat(Array.from([gl.getParameter(gl[name])].flat())).join(".")}`);
    }
    const precise = gl.getShaderPrecisionFormat(gl.FRAGMENT_SHADER, gl.HIGH_FLOAT);
    found.push(`precise:${precise.rangeMin}.${precise.rangeMax}.${precise.precision}`);
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, "attribute vec2 at; void main() { gl_Position = vec4(at, 0.0, 1.0); }"], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return cut(found);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const at = gl.getAttribLocation(program, "at");
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
    gl.uniform2f(gl.getUniformLocation(program, "size"), side, side);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const pixels = new Uint8Array(side * side * 4);
    gl.readPixels(0, 0, side, side, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    // Each of 32 strips of two lines, as a sum that one differing pixel changes.
    for (let strip = 0; strip < 32; strip += 1) {
      let sum = 0;
      for (let byte = strip * side * 8; byte < (strip + 1) * side * 8; byte += 1) sum = (Math.imul(sum, 31) + pixels[byte]) >>> 0;
      found.push(`s${strip}:${sum.toString(36)}`);
    }
    return cut(found);
  }

  // A feature that a browser refuses is one that it does not have.
  const tried = (feature) => {
    try {
      return feature();
    } catch {
      return [];
    }
  };

  // Before its first frame a page may draw text as another screen would. A page that nobody sees has no frames.
  const drawn = () =>
    new Promise((done) => {
      requestAnimationFrame(() => requestAnimationFrame(done));
      setTimeout(done, 500);
    });

  async function consent() {
    if (navigator.globalPrivacyControl === true) return false;
    await drawn();
    const body = JSON.stringify({ consent: true, ua: tried(agent), canvas: tried(canvas), webgl: tried(webgl) });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(place, { method: "POST", headers, body, credentials: "same-origin" });
    return answer.ok;
  }

  async function withdraw() {
    const answer = await fetch(place, { method: "DELETE", credentials: "same-origin" });
    return answer.ok;
  }

  window.halftone = Object.freeze({ consent, withdraw });
})();
