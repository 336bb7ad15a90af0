export{c12_a as a,c12_b as b,c12_c as c,c12_d as d,c12_e as e,c12_f as f}from"./run.js";
