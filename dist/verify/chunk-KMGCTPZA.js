export{c9_a as a,c9_b as b,c9_c as c,c9_d as d,c9_e as e,c9_f as f}from"./run.js";
