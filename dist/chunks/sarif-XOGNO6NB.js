import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a,b,c}from"./chunk-2NMMLWAP.js";import"./chunk-7ZPC364D.js";import"./chunk-Y6RHJ5TF.js";import"./chunk-SVMDL5TX.js";import"./chunk-MY6HFBWK.js";export{a as sarifLog,b as sarifPath,c as writeSarif};
