import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a as o}from"./chunk-MY6HFBWK.js";function t(r,n){return r.verified&&n.every(({partOf:e,verified:i})=>i||!e.includes(r.image))}o(t,"isWhole");function d({signatures:r}){let n=r.filter(({verified:e})=>e);return n.find(({tlogIndex:e})=>e!==void 0)??n[0]}o(d,"goodSignature");export{t as a,d as b};
