import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a as t}from"./chunk-MY6HFBWK.js";function l(o){return o==="localhost"||o.endsWith(".localhost")||o==="[::1]"||/^127(\.\d{1,3}){3}$/.test(o)}t(l,"isLoopback");export{l as a};
