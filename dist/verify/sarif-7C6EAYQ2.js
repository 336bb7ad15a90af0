import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import{a,b,c}from"./chunk-VILAZKTD.js";import"./chunk-MT5HTH7X.js";import"./chunk-DDSRRLXE.js";import"./chunk-MZBMIUZP.js";import"./chunk-HVLTN4CQ.js";export{a as sarifLog,b as sarifPath,c as writeSarif};
