import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a,b,c,d,e,f}from"./chunk-ARCNG3FA.js";import"./chunk-MY6HFBWK.js";export{d as __TESTS,a as hsalsa,b as salsa20,f as secretbox,c as xsalsa20,e as xsalsa20poly1305};
